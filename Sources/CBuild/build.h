// What a build knows of itself.
#pragma once

/// The commit that the program was built from, with -dirty behind it where files differed; empty where `make` did not say.
extern const char *const zroute_build_commit;
