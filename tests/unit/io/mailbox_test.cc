#include "userspace/io/mailbox.h"

#include <gtest/gtest.h>

namespace sluice::io {
namespace {

TEST(MailboxTest, TellsHowManyWaitAndNoneOnceTaken) {
  Mailbox mailbox;
  mailbox.Post([] {});
  mailbox.Post([] {});
  EXPECT_EQ(mailbox.size(), 2u);

  EXPECT_EQ(mailbox.TakeAll().size(), 2u);
  EXPECT_EQ(mailbox.size(), 0u);
}

}  // namespace
}  // namespace sluice::io
