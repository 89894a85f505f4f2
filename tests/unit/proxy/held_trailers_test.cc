#include "userspace/proxy/held_trailers.h"

#include "gtest/gtest.h"

namespace sluice::proxy {
namespace {

TEST(HeldTrailersTest, KeepsNamesValuesAndSecrets) {
  const http::Header trailers[] = {{.name = "a", .value = "1: 2"},
                                   {.name = "token", .value = "t", .is_never_indexed = true},
                                   {.name = "empty", .value = ""}};
  std::string lines;
  AppendTrailerLines(trailers, lines);
  TrailerRoom room;

  const absl::Span<const http::Header> read = ReadTrailerLines(lines, room);

  ASSERT_EQ(read.size(), 3u);
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].name, trailers[i].name);
    EXPECT_EQ(read[i].value, trailers[i].value);
    EXPECT_EQ(read[i].is_never_indexed, trailers[i].is_never_indexed);
  }
}

TEST(HeldTrailersTest, ReadsASectionOfHttp1) {
  TrailerRoom room;
  const absl::Span<const http::Header> read = ReadTrailerLines("a:1\r\nb:  2 \r\n\r\n", room);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].value, "1");
  EXPECT_EQ(read[1].value, "2");
}

}  // namespace
}  // namespace sluice::proxy
