// The end of a sockhash: sockets leave it, those of applications among them, which live on.
#pragma once

namespace sluice::datapath {

// Takes every socket out of a sockhash. A socket in it holds the sk_msg program, the program holds
// the map, and the map holds the socket: left alone, the three live until the application closes.
// That is what happens to sockets with redirected bytes that are not read after a moment: the
// kernel would throw them away and the reader see a clean end. Requires: nobody sends to them any
// more. Keys of another layout than this version's, and kernels that do not tell: all leave at
// once.
void ReleaseSockets(int sockhash_fd);

}  // namespace sluice::datapath
