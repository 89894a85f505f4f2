// What a process says must not hold it up: a terminal that Ctrl-S stopped, a pager that waits, a
// log collector that hangs or has gone away. Whoever reads stderr may do so late or never.
#pragma once

#include <string_view>

namespace sluice::base {

// Call first in main, before threads. Gives closed standard descriptors /dev/null, so that no
// socket or file takes their numbers and gets our words; ignores SIGPIPE; replaces a stderr that is
// a terminal or a pipe by an open file of our own that does not block (the old one is shared with
// the shell). Programs that are started from here inherit it.
void PrepareStandardStreams();

// Writes what stderr takes at once. False: some of it was lost.
bool WriteToStderr(std::string_view text);

}  // namespace sluice::base
