"""Golden bytes of every message, in three languages: JSON codec, numpy, C.

golden.json is committed and is what other implementations test against. After a change of the schema that is
meant, `python -m tests.schema.test_golden` writes it anew; read the difference.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.schema.codec import from_json, to_json
from appliance.schema.messages import BY_NAME, DTYPES, ENUMS, MESSAGES
from appliance.schema.model import snake
from appliance.schema.tables import Field
from tests.conftest import SANITIZE, Compile
from tests.schema.samples import sample

FILE = Path(__file__).with_name("golden.json")


def golden() -> list[dict[str, Any]]:
    return json.loads(FILE.read_text())


def wire(field: Field, value: Any) -> int | bytes:
    """The number or text on the wire, by arithmetic of this test's own."""
    if field.kind == "enum":
        return int(ENUMS[field.type][value.upper()])
    if field.kind == "decimal":
        sign = -1 if value.startswith("-") else 1
        whole, _, fraction = value.removeprefix("-").partition(".")
        return sign * (int(whole) * 10**-field.exponent + int(fraction.ljust(-field.exponent, "0")))
    return value.encode() if isinstance(value, str) else int(value)


def test_every_message_is_there() -> None:
    assert [item["json"]["msg"] for item in golden()] == [message.name for message in MESSAGES.values()]


@pytest.mark.parametrize("item", golden() if FILE.exists() else [], ids=lambda item: item["json"]["msg"])
def test_codec(item: dict[str, Any]) -> None:
    assert from_json(item["json"]).hex() == item["hex"]
    assert to_json(bytes.fromhex(item["hex"])) == item["json"]


@pytest.mark.parametrize("item", golden() if FILE.exists() else [], ids=lambda item: item["json"]["msg"])
def test_numpy(item: dict[str, Any]) -> None:
    message = BY_NAME[item["json"]["msg"]]
    array = np.frombuffer(bytes.fromhex(item["hex"]), DTYPES[message.id])
    assert array.shape == (1,)
    assert array["header"]["template_id"][0] == message.id
    assert array["header"]["block_length"][0] == message.block_length
    for field in message.fields:
        assert array[field.name][0] == wire(field, item["json"][field.name]), field.name


def c_program(items: list[dict[str, Any]]) -> str:
    """Fills each message field by field, as a vendor would, and prints its bytes."""
    lines = ["#include <stdio.h>", "#include <mam/messages.h>", "int main(void) {"]
    for item in items:
        message = BY_NAME[item["json"]["msg"]]
        lines += ["{", f"struct mam_{snake(message.name)} m;", f"mam_{snake(message.name)}_init(&m);"]
        for field in message.fields:
            number = wire(field, item["json"][field.name])
            if isinstance(number, bytes):
                octal = "".join(f"\\{byte:03o}" for byte in number)
                lines.append(f'memcpy(m.{field.name}, "{octal}", {len(number)});')
            elif field.kind == "enum":
                lines.append(
                    f"m.{field.name} = MAM_{snake(field.type).upper()}_{item['json'][field.name].upper()};"
                )
            else:
                lines.append(f"m.{field.name} = {number}{'' if field.kind == 'decimal' else 'u'};")
        length = f"MAM_{snake(message.name).upper()}_LENGTH"
        lines += [
            f'for (int i = 0; i < {length}; i++) printf("%02x", ((unsigned char *)&m)[i]);',
            'puts("");',
        ]
        lines += ["uint16_t field;", f"if (mam_message_check(&m, {length}, &field)) return 1;", "}"]
    return "\n".join([*lines, "return 0;", "}", ""])


@pytest.mark.sanitizer
def test_c(tmp_path: Path, compile_c: Compile) -> None:
    source = tmp_path / "golden.c"
    source.write_text(c_program(golden()))
    program = compile_c("golden", source, flags=SANITIZE)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [item["hex"] for item in golden()]


if __name__ == "__main__":
    items = [
        {"json": sample(message), "hex": from_json(sample(message)).hex()} for message in MESSAGES.values()
    ]
    FILE.write_text(json.dumps(items, indent=1, ensure_ascii=False) + "\n")
