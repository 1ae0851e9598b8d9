#pragma once
/// The commit this was built from, with a `+` where files had changed since, or `unknown`.
const char *cbuild_commit(void);
