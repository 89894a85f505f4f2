// A folder that goes away with the test.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::controller {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string Path(const std::string& name) const { return path_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
  }
  // As a careful editor writes: beside it, then renamed over it.
  void Replace(const std::string& name, const std::string& text) const {
    Write(".new", text);
    std::filesystem::rename(Path(".new"), Path(name));
  }
  void Remove(const std::string& name) const { std::filesystem::remove(Path(name)); }

 private:
  std::string path_;
};

}  // namespace sluice::controller
