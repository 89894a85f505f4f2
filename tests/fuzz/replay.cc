// Runs a fuzz target without libFuzzer: every file of a corpus, then mutations of them. The same
// input in the same order each time, so a failure comes again; its bytes are written to stderr as
// they were fed.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

constexpr size_t kInputSizeMax = 64 * 1024;
std::string current_input;  // What the crash handler shows.

// xorshift64*: small, fixed, good enough to choose bytes.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  size_t Below(size_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<size_t>((state_ * 0x2545f4914f6cdd1du) >> 33) % limit;
  }

 private:
  uint64_t state_;
};

void ShowInput(int signal_number) {
  std::fprintf(stderr, "failed on this input (%zu bytes): ", current_input.size());
  for (const char c : current_input) {
    const auto byte = static_cast<uint8_t>(c);
    std::fprintf(stderr, byte >= 0x20 && byte < 0x7f && c != '\\' ? "%c" : "\\x%02x", byte);
  }
  std::fputc('\n', stderr);
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

std::vector<std::string> ReadCorpus(const char* folder) {
  std::vector<std::string> paths;
  std::error_code ignored;  // No folder: no seeds.
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.is_regular_file()) paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const std::string& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  if (corpus.empty()) corpus.emplace_back();
  return corpus;
}

// One change at a random place: what breaks parsers is mostly a piece lost, doubled, moved or put
// in.
void Mutate(std::string& text, const std::vector<std::string>& corpus, Random& random) {
  static constexpr std::string_view kPieces[] = {
      "\r\n", "\n",       "\r",   std::string_view("\0", 1),
      ":",    " ",        "\t",   ",",
      ";",    "=",        "\"",   "\\",
      "%2e",  "..",       "\x7f", "\xff",
      "-1",   "0",        "ffff", "{",
      "[",    "*",        "&a",   "-",
      "/",    "\r\n\r\n",
  };
  const size_t place = random.Below(text.size() + 1);
  const size_t count = random.Below(random.Below(4) == 0 ? 64 : 4) + 1;
  switch (random.Below(6)) {
    case 0:
      text.erase(place, count);
      break;
    case 1:
      text.insert(place, kPieces[random.Below(std::size(kPieces))]);
      break;
    case 2:
      if (place < text.size()) text[place] = static_cast<char>(random.Below(256));
      break;
    case 3:
      text.insert(random.Below(text.size() + 1), text.substr(place, count));
      break;
    case 4:
      if (place < text.size())
        text[place] = static_cast<char>(text[place] ^ (1 << random.Below(8)));
      break;
    default: {
      const std::string& other = corpus[random.Below(corpus.size())];
      const size_t from = random.Below(other.size() + 1);
      text.insert(place, other.substr(from, count * 4));
    }
  }
  if (text.size() > kInputSizeMax) text.resize(kInputSizeMax);
}

void Run(const std::string& input) {
  current_input = input;
  // A copy of exactly this size, so that sanitizers see a read past its end.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER MUTATIONS\n", argv[0]);
    return 2;
  }
  std::signal(SIGABRT, ShowInput);
  std::signal(SIGSEGV, ShowInput);
  const std::vector<std::string> corpus = ReadCorpus(argv[1]);
  for (const std::string& input : corpus) Run(input);
  const long runs = std::strtol(argv[2], nullptr, 10);
  Random random(0x51c1ce);
  for (long i = 0; i < runs; ++i) {
    std::string input = corpus[random.Below(corpus.size())];
    for (size_t changes = random.Below(4) + 1; changes > 0; --changes)
      Mutate(input, corpus, random);
    Run(input);
  }
  std::printf("%zu inputs, %ld mutations\n", corpus.size(), runs);
  return 0;
}
