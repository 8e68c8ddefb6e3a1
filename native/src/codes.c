#include "codes.h"

#include <stddef.h>

struct entry {
    uint32_t code;
    enum mam_code_class means;
};

static const struct entry MT5[] = {
    {10009, MAM_CODE_DONE},     {10010, MAM_CODE_DONE},     {11001, MAM_CODE_DONE},
    {10001, MAM_CODE_PROGRESS}, {10002, MAM_CODE_PROGRESS}, {10003, MAM_CODE_PROGRESS},
    {10008, MAM_CODE_PROGRESS}, {11000, MAM_CODE_PROGRESS}, {10004, MAM_CODE_PRICE},
    {10015, MAM_CODE_PRICE},    {10020, MAM_CODE_PRICE},    {10021, MAM_CODE_PRICE},
    {11002, MAM_CODE_PRICE},    {10024, MAM_CODE_BUSY},     {10028, MAM_CODE_BUSY},
    {10029, MAM_CODE_BUSY},     {12, MAM_CODE_BUSY},        {10011, MAM_CODE_UNKNOWN},
    {10012, MAM_CODE_UNKNOWN},  {10031, MAM_CODE_UNKNOWN},  {7, MAM_CODE_UNKNOWN},
    {9, MAM_CODE_UNKNOWN},      {10, MAM_CODE_UNKNOWN},     {15, MAM_CODE_UNKNOWN},
    {10006, MAM_CODE_REJECTED}, {10007, MAM_CODE_REJECTED}, {10041, MAM_CODE_REJECTED},
    {10018, MAM_CODE_CLOSED},   {10017, MAM_CODE_ACCOUNT},  {10019, MAM_CODE_ACCOUNT},
    {10026, MAM_CODE_ACCOUNT},  {10027, MAM_CODE_ACCOUNT},  {10032, MAM_CODE_ACCOUNT},
    {10033, MAM_CODE_ACCOUNT},  {10034, MAM_CODE_ACCOUNT},  {10040, MAM_CODE_ACCOUNT},
    {10042, MAM_CODE_ACCOUNT},  {10043, MAM_CODE_ACCOUNT},  {10044, MAM_CODE_ACCOUNT},
    {10045, MAM_CODE_ACCOUNT},  {10046, MAM_CODE_ACCOUNT},  {10023, MAM_CODE_STATE},
    {10025, MAM_CODE_STATE},    {10036, MAM_CODE_STATE},    {10038, MAM_CODE_STATE},
    {10039, MAM_CODE_STATE},    {10013, MAM_CODE_CONFIG},   {10014, MAM_CODE_CONFIG},
    {10016, MAM_CODE_CONFIG},   {10022, MAM_CODE_CONFIG},   {10030, MAM_CODE_CONFIG},
    {10035, MAM_CODE_CONFIG},   {3, MAM_CODE_CONFIG},       {8, MAM_CODE_CONFIG},
};

static const struct entry MT4[] = {
    {0, MAM_CODE_DONE},       {142, MAM_CODE_PROGRESS}, {143, MAM_CODE_PROGRESS}, {129, MAM_CODE_PRICE},
    {135, MAM_CODE_PRICE},    {136, MAM_CODE_PRICE},    {138, MAM_CODE_PRICE},    {8, MAM_CODE_BUSY},
    {137, MAM_CODE_BUSY},     {139, MAM_CODE_BUSY},     {141, MAM_CODE_BUSY},     {146, MAM_CODE_BUSY},
    {2, MAM_CODE_UNKNOWN},    {4, MAM_CODE_UNKNOWN},    {6, MAM_CODE_UNKNOWN},    {128, MAM_CODE_UNKNOWN},
    {144, MAM_CODE_REJECTED}, {132, MAM_CODE_CLOSED},   {64, MAM_CODE_ACCOUNT},   {65, MAM_CODE_ACCOUNT},
    {133, MAM_CODE_ACCOUNT},  {134, MAM_CODE_ACCOUNT},  {140, MAM_CODE_ACCOUNT},  {148, MAM_CODE_ACCOUNT},
    {149, MAM_CODE_ACCOUNT},  {150, MAM_CODE_ACCOUNT},  {1, MAM_CODE_STATE},      {145, MAM_CODE_STATE},
    {3, MAM_CODE_CONFIG},     {7, MAM_CODE_CONFIG},     {130, MAM_CODE_CONFIG},   {131, MAM_CODE_CONFIG},
    {147, MAM_CODE_CONFIG},
};

static const struct entry *find(enum mam_code_table table, uint32_t code) {
    const struct entry *entries = table == MAM_CODES_MT4 ? MT4 : MT5;
    uint32_t count = table == MAM_CODES_MT4 ? sizeof MT4 / sizeof *MT4 : sizeof MT5 / sizeof *MT5;
    for (uint32_t i = 0; i < count; i++) {
        if (entries[i].code == code) {
            return &entries[i];
        }
    }
    return NULL;
}

enum mam_code_class mam_code_class(enum mam_code_table table, uint32_t code) {
    const struct entry *entry = find(table, code);
    return entry == NULL ? MAM_CODE_UNKNOWN : entry->means;
}

enum mam_code_class mam_rejection_class(uint32_t code) {
    const struct entry *entry = find(MAM_CODES_MT5, code);
    return entry == NULL ? MAM_CODE_REJECTED : entry->means;
}
