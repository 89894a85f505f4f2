// Tests are named after the section of RFC 7541 they hold the code to.
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/http/hpack_bytes.h"
#include "userspace/base/text.h"
#include "userspace/http/hpack_decoder.h"
#include "userspace/http/hpack_encoder.h"
#include "userspace/http/hpack_huffman.h"

namespace sluice::http {
namespace {

using ::testing::ElementsAre;
using Fields = std::vector<std::string>;

constexpr size_t kRoom = 16 * 1024;

// "name: value" of each field, "!name: value" if never indexed; then "too large" or the fault.
Fields Decode(HpackDecoder& decoder, const std::string& block, size_t room = kRoom) {
  std::vector<char> out(room);
  const std::vector<char> exact(block.begin(), block.end());
  Fields fields;
  decoder.Start({exact.data(), exact.size()});
  for (;;) {
    HpackField field;
    switch (decoder.Next(out.data(), out.size(), &field)) {
      case HpackStatus::kField:
        fields.push_back(
            base::Concat(field.is_never_indexed ? "!" : "", field.name, ": ", field.value));
        break;
      case HpackStatus::kTooLarge:
        fields.emplace_back("too large");
        break;
      case HpackStatus::kBad:
        fields.push_back("bad " + std::to_string(static_cast<int>(decoder.fault())));
        return fields;
      case HpackStatus::kEnd:
        return fields;
    }
  }
}

std::string Bad(HpackFault fault) { return "bad " + std::to_string(static_cast<int>(fault)); }

std::string Encode(HpackEncoder& encoder, const std::vector<HpackEntry>& fields) {
  std::string block;
  encoder.Start(block);
  for (const HpackEntry& field : fields) {
    encoder.Add(field.name, field.value, HpackIndexing::kByName, block);
  }
  return block;
}

TEST(HpackRfc7541Test, SectionC1DecodesIntegers) {
  HpackDecoder decoder(4096);
  std::string block = FromHex("1f9a0a");  // Name index 15 + 1306: there is none.
  EXPECT_THAT(Decode(decoder, block), ElementsAre(Bad(HpackFault::kIndex)));
  std::string table_update = FromHex("3f9a0a");  // 31 + 1306 = 1337
  EXPECT_THAT(Decode(decoder, table_update), ElementsAre());
  EXPECT_EQ(decoder.table().size_max(), 1337u);
}

TEST(HpackRfc7541Test, SectionC2DecodesEachRepresentation) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, FromHex("400a637573746f6d2d6b65790d637573746f6d2d686561646572")),
              ElementsAre("custom-key: custom-header"));
  EXPECT_EQ(decoder.table().size(), 55u);
  EXPECT_THAT(Decode(decoder, FromHex("040c2f73616d706c652f70617468")),
              ElementsAre(":path: /sample/path"));
  EXPECT_EQ(decoder.table().count(), 1u);
  EXPECT_THAT(Decode(decoder, FromHex("100870617373776f726406736563726574")),
              ElementsAre("!password: secret"));
  EXPECT_EQ(decoder.table().count(), 1u);
  EXPECT_THAT(Decode(decoder, FromHex("82")), ElementsAre(":method: GET"));
}

struct Example {
  const char* hex;
  Fields fields;
  uint32_t table_size;
};

void ExpectExamples(uint32_t table_size_max, const std::vector<Example>& examples) {
  HpackDecoder decoder(table_size_max);
  for (const Example& example : examples) {
    EXPECT_EQ(Decode(decoder, FromHex(example.hex)), example.fields);
    EXPECT_EQ(decoder.table().size(), example.table_size);
  }
}

const Fields kRequest1 = {":method: GET", ":scheme: http", ":path: /",
                          ":authority: www.example.com"};
const Fields kRequest2 = {":method: GET", ":scheme: http", ":path: /",
                          ":authority: www.example.com", "cache-control: no-cache"};
const Fields kRequest3 = {":method: GET", ":scheme: https", ":path: /index.html",
                          ":authority: www.example.com", "custom-key: custom-value"};

TEST(HpackRfc7541Test, SectionC3DecodesRequestsWithoutHuffman) {
  ExpectExamples(4096,
                 {{"828684410f7777772e6578616d706c652e636f6d", kRequest1, 57},
                  {"828684be58086e6f2d6361636865", kRequest2, 110},
                  {"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565", kRequest3, 164}});
}

TEST(HpackRfc7541Test, SectionC4DecodesRequestsWithHuffman) {
  ExpectExamples(4096, {{"828684418cf1e3c2e5f23a6ba0ab90f4ff", kRequest1, 57},
                        {"828684be5886a8eb10649cbf", kRequest2, 110},
                        {"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", kRequest3, 164}});
}

TEST(HpackRfc7541Test, SectionC4EncodesRequestsToTheSameBytes) {
  HpackEncoder encoder(4096);
  const HpackEntry authority = {":authority", "www.example.com"};
  EXPECT_EQ(Encode(encoder, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, authority}),
            FromHex("828684418cf1e3c2e5f23a6ba0ab90f4ff"));
  EXPECT_EQ(Encode(encoder, {{":method", "GET"},
                             {":scheme", "http"},
                             {":path", "/"},
                             authority,
                             {"cache-control", "no-cache"}}),
            FromHex("828684be5886a8eb10649cbf"));
}

const Fields kResponse1 = {":status: 302", "cache-control: private",
                           "date: Mon, 21 Oct 2013 20:13:21 GMT",
                           "location: https://www.example.com"};
const Fields kResponse2 = {":status: 307", "cache-control: private",
                           "date: Mon, 21 Oct 2013 20:13:21 GMT",
                           "location: https://www.example.com"};
const Fields kResponse3 = {":status: 200",
                           "cache-control: private",
                           "date: Mon, 21 Oct 2013 20:13:22 GMT",
                           "location: https://www.example.com",
                           "content-encoding: gzip",
                           "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"};

TEST(HpackRfc7541Test, SectionC5DecodesResponsesWithEviction) {
  ExpectExamples(
      256,
      {{"4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
        "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        kResponse1, 222},
       {"4803333037c1c0bf", kResponse2, 222},
       {"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
        "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
        "657273696f6e3d31",
        kResponse3, 215}});
}

TEST(HpackRfc7541Test, SectionC6DecodesResponsesWithHuffmanAndEviction) {
  ExpectExamples(
      256,
      {{"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
        "0b97c8e9ae82ae43d3",
        kResponse1, 222},
       {"4883640effc1c0bf", kResponse2, 222},
       {"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
        "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        kResponse3, 215}});
}

TEST(HpackRfc7541Test, Section2_1FieldsKeepTheirOrder) {
  HpackEncoder encoder(4096);
  HpackDecoder decoder(4096);
  const std::vector<HpackEntry> fields = {{"b", "1"},      {"a", "2"}, {":path", "/"}, {"b", "1"},
                                          {"cookie", "c"}, {"a", "3"}, {"b", "1"}};
  for (int block = 0; block < 2; ++block) {  // The second is made of references.
    EXPECT_THAT(Decode(decoder, Encode(encoder, fields)),
                ElementsAre("b: 1", "a: 2", ":path: /", "b: 1", "!cookie: c", "a: 3", "b: 1"));
  }
}

TEST(HpackRfc7541Test, Section2_3_2DuplicateEntriesAreNoError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, Literal("a", "1") + Literal("a", "1") + "\xbe" + "\xbf"),
              ElementsAre("a: 1", "a: 1", "a: 1", "a: 1"));
  EXPECT_EQ(decoder.table().count(), 2u);
}

TEST(HpackRfc7541Test, Section3_2EachRepresentationDoesWhatItSaysInItsTurn) {
  HpackDecoder decoder(4096);
  // Indexed; added; indexed by that; not added; never indexed; the name of what was added.
  const std::string block = base::Concat("\x82", Literal("n", "1"), "\xbe", FromHex("00016e0132"),
                                         FromHex("10016e0133"), FromHex("0f2f0134"));
  EXPECT_THAT(Decode(decoder, block),
              ElementsAre(":method: GET", "n: 1", "n: 1", "n: 2", "!n: 3", "n: 4"));
  EXPECT_EQ(decoder.table().count(), 1u);
}

TEST(HpackRfc7541Test, Section4_2TheEncoderStaysWithinThePeersLimit) {
  for (const uint32_t limit : {0u, 100u, 4096u, 100000u}) {
    HpackEncoder encoder(65536);
    HpackDecoder decoder(limit);  // Refuses an update above, and whatever it does not have.
    encoder.SetPeerLimit(limit);
    for (int i = 0; i < 50; ++i) {
      const std::string value(static_cast<size_t>(i) * 37 % 90, 'v');
      ASSERT_THAT(Decode(decoder, Encode(encoder, {{"n", value}})), ElementsAre("n: " + value));
      ASSERT_LE(encoder.table().size(), limit);
    }
  }
}

TEST(HpackRfc7541Test, Section2_3_2EntriesAreEvictedOldestFirst) {
  HpackDecoder decoder(68);
  EXPECT_THAT(
      Decode(decoder, Literal("a", "1") + Literal("b", "2") + Literal("c", "3") + "\xbe" + "\xbf"),
      ElementsAre("a: 1", "b: 2", "c: 3", "c: 3", "b: 2"));
}

TEST(HpackRfc7541Test, Section2_3_3AnIndexBehindBothTablesIsAnError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, "\xbe"), ElementsAre(Bad(HpackFault::kIndex)));
  EXPECT_THAT(Decode(decoder, FromHex("7f0000")), ElementsAre(Bad(HpackFault::kIndex)));
}

TEST(HpackRfc7541Test, Section4_2AnUpdateMustComeWhenTheLimitWasLowered) {
  HpackDecoder decoder(4096);
  decoder.SetTableSizeLimit(100);
  EXPECT_THAT(Decode(decoder, "\x82"), ElementsAre(Bad(HpackFault::kUpdateMissing)));
}

TEST(HpackRfc7541Test, Section4_2AnUpdateBeginsABlockAndIsNotRepeated) {
  HpackDecoder decoder(4096);
  decoder.SetTableSizeLimit(100);
  EXPECT_THAT(Decode(decoder, FromHex("3f4582")), ElementsAre(":method: GET"));
  EXPECT_THAT(Decode(decoder, "\x82"), ElementsAre(":method: GET"));
}

TEST(HpackRfc7541Test, Section4_2AnUpdateBehindAFieldIsAnError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, FromHex("8220")),
              ElementsAre(":method: GET", Bad(HpackFault::kTableSize)));
}

TEST(HpackRfc7541Test, Section4_2TheEncoderTellsTheLowestAndTheLastSize) {
  HpackEncoder encoder(4096);
  encoder.SetPeerLimit(0);
  encoder.SetPeerLimit(128);
  EXPECT_EQ(Encode(encoder, {{":method", "GET"}}), FromHex("203f6182"));
}

TEST(HpackRfc7541Test, Section4_3ATableThatShrinksEvicts) {
  HpackDecoder decoder(4096);
  Decode(decoder, Literal("a", "1") + Literal("b", "2"));
  Decode(decoder, FromHex("3f0f"));  // 46
  EXPECT_EQ(decoder.table().count(), 1u);
  Decode(decoder, FromHex("20"));
  EXPECT_EQ(decoder.table().count(), 0u);
}

TEST(HpackRfc7541Test, Section4_4AnEntryLargerThanTheTableEmptiesIt) {
  HpackDecoder decoder(100);
  EXPECT_THAT(Decode(decoder, Literal("a", "1") + Literal("b", std::string(100, 'x'))),
              ElementsAre("a: 1", "b: " + std::string(100, 'x')));
  EXPECT_EQ(decoder.table().count(), 0u);
}

TEST(HpackRfc7541Test, Section4_4ANameTakenFromAnEntryThatIsEvictedIsStillRead) {
  HpackDecoder decoder(64);
  EXPECT_THAT(Decode(decoder, Literal("name", "1") + "\x7e\x05" + "22222"),
              ElementsAre("name: 1", "name: 22222"));
}

TEST(HpackRfc7541Test, Section5_1IntegersBeyond32BitsAreAnError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, FromHex("ffffffffffff0f")), ElementsAre(Bad(HpackFault::kInteger)));
  EXPECT_THAT(Decode(decoder, FromHex("ff80808080808000")), ElementsAre(Bad(HpackFault::kInteger)));
  EXPECT_THAT(Decode(decoder, FromHex("ff80")), ElementsAre(Bad(HpackFault::kInteger)));
}

TEST(HpackRfc7541Test, Section5_2AStringLongerThanTheBlockIsAnError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, FromHex("4003616263")), ElementsAre(Bad(HpackFault::kString)));
  EXPECT_THAT(Decode(decoder, FromHex("40036162")), ElementsAre(Bad(HpackFault::kString)));
  EXPECT_THAT(Decode(decoder, FromHex("40")), ElementsAre(Bad(HpackFault::kString)));
  EXPECT_THAT(Decode(decoder, FromHex("407fffffff7f61")), ElementsAre(Bad(HpackFault::kString)));
}

TEST(HpackRfc7541Test, Section5_2HuffmanPaddingIsShortAndAllOnes) {
  char out[64];
  EXPECT_EQ(HuffmanDecode(FromHex("1f"), out, 64).status, HuffmanStatus::kOk);     // 'a' 111
  EXPECT_EQ(HuffmanDecode(FromHex("18"), out, 64).status, HuffmanStatus::kBad);    // 'a' 000
  EXPECT_EQ(HuffmanDecode(FromHex("1fff"), out, 64).status, HuffmanStatus::kBad);  // 11 bits
  EXPECT_EQ(HuffmanDecode(FromHex("ff"), out, 64).status, HuffmanStatus::kBad);    // 8 bits
}

TEST(HpackRfc7541Test, Section5_2TheEndOfStringSymbolIsAnError) {
  char out[64];
  EXPECT_EQ(HuffmanDecode(FromHex("fffffffc"), out, 64).status, HuffmanStatus::kBad);
  EXPECT_EQ(HuffmanDecode(FromHex("1fffffffff"), out, 64).status, HuffmanStatus::kBad);
}

TEST(HpackRfc7541Test, Section6_1IndexZeroIsAnError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, "\x80"), ElementsAre(Bad(HpackFault::kIndex)));
}

TEST(HpackRfc7541Test, Section6_3AnUpdateAboveTheLimitIsAnError) {
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, FromHex("3fe11f")), ElementsAre());  // 4096
  EXPECT_THAT(Decode(decoder, FromHex("3fe21f")), ElementsAre(Bad(HpackFault::kTableSize)));
}

TEST(HpackRfc7541Test, Section6_3TheEncoderAsksForNoMoreThanThePeerAllows) {
  HpackEncoder encoder(65536);
  encoder.SetPeerLimit(100);
  EXPECT_EQ(Encode(encoder, {{":method", "GET"}}), FromHex("3f4582"));  // 31 + 69
}

TEST(HpackRfc7541Test, Section7_1_3SecretsAreSentNeverIndexed) {
  HpackEncoder encoder(4096);
  HpackDecoder decoder(4096);
  EXPECT_THAT(Decode(decoder, Encode(encoder, {{"authorization", "Basic x"}, {"cookie", "a=b"}})),
              ElementsAre("!authorization: Basic x", "!cookie: a=b"));
  EXPECT_EQ(encoder.table().count(), 0u);
}

TEST(HpackRfc7541Test, Section7_1_3ASecretThatTheStaticTableHasIsSentNeverIndexed) {
  HpackEncoder encoder(4096);
  HpackDecoder decoder(4096);
  std::string block;
  encoder.Start(block);
  encoder.Add(":method", "GET", HpackIndexing::kNever, block);
  EXPECT_THAT(Decode(decoder, block), ElementsAre("!:method: GET"));
}

TEST(HpackHuffmanTest, EveryByteComesBack) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  std::vector<char> coded(HuffmanSize(all));
  std::vector<char> out(all.size());

  EXPECT_EQ(HuffmanEncode(all, coded.data()), coded.data() + coded.size());
  const HuffmanResult result = HuffmanDecode({coded.data(), coded.size()}, out.data(), out.size());

  EXPECT_EQ(result.status, HuffmanStatus::kOk);
  EXPECT_EQ(std::string(out.begin(), out.end()), all);
}

TEST(HpackHuffmanTest, SaysWhenThereIsNoRoom) {
  char out[2];
  EXPECT_EQ(HuffmanDecode(FromHex("f1e3c2e5f23a6ba0ab90f4ff"), out, 2).status,
            HuffmanStatus::kNoRoom);
}

TEST(HpackDecoderTest, AFieldThatDoesNotFitIsLeftOutAndTheTableStaysInStep) {
  HpackDecoder decoder(64);
  const std::string block =
      Literal("a", "1") + Literal("b", std::string(80, 'x')) + Literal("c", "3") + "\xbe" + "\xbf";
  EXPECT_THAT(Decode(decoder, block, 64),
              ElementsAre("a: 1", "too large", "c: 3", "c: 3", Bad(HpackFault::kIndex)));
}

TEST(HpackDecoderTest, ANameThatDoesNotFitIsLeftOutWithItsValue) {
  HpackDecoder decoder(64);
  EXPECT_THAT(Decode(decoder, Literal(std::string(80, 'n'), "v") + "\x82", 64),
              ElementsAre("too large", ":method: GET"));
}

TEST(HpackTableTest, HoldsLittleUntilMuchIsIndexed) {
  HpackTable table(4096);
  EXPECT_EQ(table.memory_size(), 0u);
  table.Insert("name", "value");
  EXPECT_LE(table.memory_size(), 512u);
}

TEST(HpackTableTest, GrowsToItsSizeAndNoFurther) {
  HpackTable table(4096);
  for (int i = 0; i < 10000; ++i) table.Insert("x", std::to_string(i));
  const size_t memory_size = table.memory_size();
  for (int i = 0; i < 10000; ++i) table.Insert("x", std::to_string(i));
  EXPECT_EQ(table.memory_size(), memory_size);
  EXPECT_LE(memory_size, 6144u);
}

// Everything that one side says, the other hears, whatever the sizes of the tables do meanwhile.
TEST(HpackTest, DecodesWhatItEncodesWhileTheTableChanges) {
  std::mt19937 random(20261123);
  HpackEncoder encoder(2048);
  HpackDecoder decoder(4096);
  const auto text = [&random](size_t size_max) {
    std::string out(random() % size_max + 1, 'a');
    for (char& c : out) c = static_cast<char>('a' + random() % 3);
    return out;
  };
  for (int block = 0; block < 3000; ++block) {
    if (random() % 16 == 0) encoder.SetPeerLimit(random() % 3000);
    std::string bytes;
    Fields expected;
    encoder.Start(bytes);
    for (size_t i = random() % 8; i > 0; --i) {
      const std::string name = text(4);
      const std::string value = text(random() % 8 == 0 ? 900 : 5);
      const bool is_secret = random() % 8 == 0;
      encoder.Add(name, value, is_secret ? HpackIndexing::kNever : HpackIndexing::kByName, bytes);
      expected.push_back(base::Concat(is_secret ? "!" : "", name, ": ", value));
    }
    ASSERT_EQ(Decode(decoder, bytes), expected) << block;
    ASSERT_EQ(encoder.table().size(), decoder.table().size()) << block;
  }
}

}  // namespace
}  // namespace sluice::http
