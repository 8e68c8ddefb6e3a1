"""`python -m appliance.schema generate | check | backcheck OLD NEW`."""

import sys
from pathlib import Path

from appliance.resources import schema_file
from appliance.schema import backcheck, check, emit_c, emit_docs, emit_python, parse
from appliance.schema.model import Schema, SchemaError

ROOT = Path(__file__).resolve().parents[2]
USAGE = "usage: python -m appliance.schema generate | check | backcheck OLD.xml NEW.xml"


def outputs(schema: Schema) -> dict[str, str]:
    """What is generated: path in the checkout, text."""
    return {
        "native/include/mam/messages.h": emit_c.emit(schema),
        "appliance/schema/messages.py": emit_python.emit(schema),
        "docs/messages.md": emit_docs.emit(schema),
    }


def load(path: Path) -> Schema:
    """A schema that is read and checked."""
    schema = parse.read(path)
    try:
        check.check(schema)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from error
    return schema


def generate() -> None:
    for name, text in outputs(load(schema_file())).items():
        path = ROOT / name
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {name}")


def stale() -> list[str]:
    """The generated files that are not what the schema says."""
    wanted = outputs(load(schema_file()))
    return [
        name
        for name, text in wanted.items()
        if not (ROOT / name).exists() or (ROOT / name).read_text() != text
    ]


def main(arguments: list[str]) -> int:
    """0 good; 1 the schema is at fault, or a generated file is stale; 2 usage."""
    try:
        match arguments:
            case ["generate"]:
                generate()
            case ["check"]:
                if names := stale():
                    raise SchemaError(
                        f"{', '.join(names)}: not what native/schema/mam.xml says; run `make generate`"
                    )
            case ["backcheck", old, new]:
                backcheck.backcheck(load(Path(old)), load(Path(new)))
            case _:
                print(USAGE, file=sys.stderr)
                return 2
    except SchemaError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
