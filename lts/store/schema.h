// The tables of a store and their version. See schema.cc for the SQL, each column with its meaning.
#pragma once

#include "lts/store/database.h"

namespace lts {

// Creates the tables in an empty database; otherwise checks that this is a store of ours, and
// brings one of an older version up to this one, in one transaction. Throws kCorrupt: "x.db: not a
// store of lts (application id 0x0); choose another file". Several processes may do this to one new
// file at once: one creates, the others find it done.
void CreateOrCheckSchema(Database& database);

}  // namespace lts
