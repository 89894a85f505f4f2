// The single operations that are measured one by one: by time (micro.cc) and by exact instruction
// counts (counts.cc). Each is made once with what it needs, and then called any number of times; a
// call does the same work every time.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sluice::bench {

struct Operation {
  std::string name;
  std::function<void()> run;
};

// Makes all operations. Their state lives in the functions.
std::vector<Operation> MakeOperations();
// Those of HTTP/2, among them.
void AddH2Operations(std::vector<Operation>& operations);

// Keeps the compiler from leaving out what nobody reads.
template <typename Value>
void Keep(const Value& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

}  // namespace sluice::bench
