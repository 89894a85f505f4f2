"""The checks, checked: each rule finds what it must and leaves alone what it must."""

import unittest

import check_doors
import check_musts
import check_shape
import check_words
import sources


class DoorsTest(unittest.TestCase):
    def test_own_room_and_open_doors_pass(self):
        self.assertIsNone(check_doors.problem("userspace/http/h1.cc", '"', "userspace/http/h1.h"))
        self.assertIsNone(check_doors.problem("userspace/http/h1.cc", '"', "userspace/base/check.h"))

    def test_closed_door_is_found(self):
        self.assertIn("closed", check_doors.problem("userspace/base/a.cc", '"', "userspace/model/b.h"))
        self.assertIn("closed", check_doors.problem("controller/store/a.cc", '"', "userspace/agent/b.h"))
        self.assertIn("closed", check_doors.problem("userspace/agent/a.cc", '"', "bpf/abi/abi.h"))

    def test_a_door_for_one_header_opens_no_other(self):
        self.assertIsNone(check_doors.problem("userspace/proxy/a.cc", '"', "userspace/datapath/original_destination.h"))
        self.assertIsNotNone(check_doors.problem("userspace/proxy/a.cc", '"', "userspace/datapath/datapath.h"))

    def test_nothing_includes_tests(self):
        self.assertIn("closed", check_doors.problem("userspace/agent/a.cc", '"', "tests/support/a.h"))

    def test_skeletons_are_for_datapath_alone(self):
        self.assertIsNone(check_doors.problem("userspace/datapath/a.cc", '"', "bpf/sluice_bpf.skel.h"))
        self.assertIsNotNone(check_doors.problem("userspace/agent/a.cc", '"', "bpf/sluice_bpf.skel.h"))

    def test_fenced_library_is_found(self):
        self.assertIn("fenced", check_doors.problem("userspace/agent/a.cc", "<", "spdlog/spdlog.h"))
        self.assertIsNone(check_doors.problem("userspace/base/log.cc", "<", "spdlog/spdlog.h"))


class FunctionsTest(unittest.TestCase):
    def sizes(self, text):
        return {name: size for _, name, size in sources.functions(text)}

    def test_counts_from_head_to_closing_brace(self):
        self.assertEqual(self.sizes("int f(int a,\n      int b) {\n  return a;\n}\n"), {"f": 4})

    def test_blocks_lambdas_and_strings_belong_to_the_function(self):
        text = 'void f() {\n  if (x) {\n    g([] { return "}"; });  // }\n  }\n}\nint h() { return 1; }\n'
        self.assertEqual(self.sizes(text), {"f": 5, "h": 1})

    def test_members_are_found_and_types_are_not(self):
        text = "namespace a {\nclass B : public C<D(int)> {\n public:\n  int e() const {\n    return 1;\n  }\n};\n}\n"
        self.assertEqual(self.sizes(text), {"e": 3})

    def test_a_braced_member_initialiser_is_part_of_its_constructor(self):
        self.assertEqual(self.sizes("A::A(int b) : c_{b}, d_(b) {\n  x();\n}\nvoid g() {\n}\n"), {"A::A": 3, "g": 2})

    def test_a_long_function_fails_outside_of_tests(self):
        text = "void f() {\n" + "  x();\n" * 70 + "}\n"
        self.assertEqual([failed for failed, _ in check_shape.check_file("userspace/base/a.cc", text)], [True])
        self.assertEqual([failed for failed, _ in check_shape.check_file("tests/unit/a.cc", text)], [False])

    def test_a_table_written_as_a_switch_may_be_long(self):
        text = "int f(int a) {\n  switch (a) {\n" + "    case 1:\n      return 2;\n" * 60 + "  }\n}\n"
        self.assertEqual(list(check_shape.check_file("userspace/base/a.cc", text)), [])

    def test_a_long_file_warns_then_fails(self):
        self.assertEqual([failed for failed, _ in check_shape.check_file("a.cc", "int a;\n" * 501)], [False])
        self.assertEqual([failed for failed, _ in check_shape.check_file("a.cc", "int a;\n" * 801)], [True])


class MustsTest(unittest.TestCase):
    TESTS = {"H2Rfc9113Test.Section6_9Frames", "H2Rfc9113Test.Section6_9_1Windows", "HpackRfc7541Test.Section6_1Zero"}

    def problems(self, *rows):
        return list(check_musts.check("# head\n" + "\n".join("\t".join(row) for row in rows), self.TESTS))

    def test_a_row_has_a_test_of_its_section_or_says_why_not(self):
        self.assertEqual(self.problems(("9113", "6.9", "x", "H2Rfc9113Test.Section6_9Frames", "-"),
                                       ("9113", "6.10", "y", "-", "no push"),
                                       ("7541", "6.1", "z", "HpackRfc7541Test.Section6_1Zero", "-")), [])
        self.assertEqual(len(self.problems(("9113", "6.9", "x", "-", "-"))), 1)

    def test_a_test_that_is_missing_or_of_another_section_is_found(self):
        self.assertIn("no test H2Rfc9113Test.Gone",
                      self.problems(("9113", "6.9", "x", "H2Rfc9113Test.Section6_9Frames, H2Rfc9113Test.Gone", "-"))[0])
        for rfc, section in (("9113", "6.9"), ("9113", "6"), ("7541", "6.9.1")):
            self.assertIn("named after", self.problems((rfc, section, "x", "H2Rfc9113Test.Section6_9_1Windows", "-"))[0])

    def test_sections_are_in_order(self):
        rows = [("9113", section, "x", "-", "no push") for section in ("6.9", "6.10", "6.9")]
        self.assertEqual(len(self.problems(*rows)), 1)


class WordsTest(unittest.TestCase):
    def messages(self, text, path="docs/a.md"):
        return [message for _, message in check_words.check_text(path, text)]

    def test_a_todo_needs_an_issue(self):
        self.assertEqual(len(self.messages("// TODO: later")), 1)
        self.assertEqual(self.messages("// TODO(#12): later"), [])

    def test_paths_of_a_machine_are_found_and_urls_are_not(self):
        self.assertEqual(len(self.messages("see /home/me/x and /root/tree")), 2)
        self.assertEqual(self.messages("GET /shop/home/page, $DIR/work/x"), [])

    def test_links_lead_only_to_known_hosts(self):
        self.assertEqual(len(self.messages("https://blog.acme.io/post")), 1)
        self.assertEqual(self.messages("https://www.rfc-editor.org/rfc/rfc9112 http://web.shop.svc.cluster.local/ http://10.0.0.1:80/"), [])


if __name__ == "__main__":
    unittest.main()
