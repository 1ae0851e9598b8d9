#include "CBuild.h"

const char *cbuild_commit(void) { return DITTO_COMMIT; }
