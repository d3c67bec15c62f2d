#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The page of examples/board in headless Chromium: sign up, write, vote, search, comment. With
MUV_SCREENSHOTS set, pictures of it are left in that folder."""

import os
import sys
import unittest

from board_service import Service, test_uri
from browser import Browser, find_chromium


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Service(test_uri(f"board_page_{os.getpid()}"))
        cls.browser = Browser()
        ada = cls.service.create("/users", {"name": "Ada"})["id"]
        for number in range(12):
            cls.service.create("/posts", {
                "author": ada, "title": f"Post number {number}", "tags": ["numbers", "tests"],
                "body": "The engine weaves algebraic patterns.\nSecond line."})

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        code = cls.service.stop()
        cls.service.__exit__()
        assert code == 0, code

    def setUp(self):
        self.browser.open(f"http://127.0.0.1:{self.service.port}/")
        self.browser.evaluate("localStorage.clear()")
        self.browser.open("about:blank")
        self.browser.open(f"http://127.0.0.1:{self.service.port}/")
        self.browser.wait_for("document.body.dataset.shown === 'list'")

    def tearDown(self):
        self.assertEqual(self.browser.failures, [])

    def picture(self, name):
        folder = os.environ.get("MUV_SCREENSHOTS")
        if folder:
            self.browser.screenshot(f"{folder}/{name}.png")

    def fill(self, **values):
        for name, value in values.items():
            self.browser.evaluate(f"$('{name}').value = {value!r}")

    def submit(self, form):
        self.browser.evaluate(f"$('{form}').requestSubmit()")

    def titles(self):
        return self.browser.evaluate("[...document.querySelectorAll('h2')].map(h => h.innerText)")

    def test_lists_pages_and_searches(self):
        self.assertEqual(len(self.titles()), 10)
        self.assertIn("12 posts, page 1", self.browser.evaluate("$('total').innerText"))
        self.picture("list")
        self.browser.evaluate("$('on').click()")
        self.browser.wait_for("document.querySelectorAll('h2').length === 2")
        self.assertTrue(self.browser.evaluate("$('on').disabled"))
        self.fill(search="number [35]$")
        self.submit("find")
        self.browser.wait_for("$('total').innerText.startsWith('2 posts')")
        self.assertEqual(sorted(self.titles()), ["Post number 3", "Post number 5"])
        self.fill(search="[")
        self.submit("find")
        self.browser.wait_for("$('problem').innerText === 'The regular expression is invalid'")

    def test_a_visitor_signs_up_writes_votes_and_comments(self):
        self.fill(title="Too early", text="b")
        self.submit("write")
        self.browser.wait_for("$('problem').innerText.includes('sign up')")
        self.fill(name="Ada")
        self.submit("who")
        self.browser.wait_for("$('problem').innerText === 'The name is taken'")
        self.fill(name="Grace")
        self.submit("who")
        self.browser.wait_for("$('me').innerText === 'Grace'")
        self.assertTrue(self.browser.evaluate("$('who').offsetParent === null"))

        self.fill(title="<b>Mine</b>", text="a <script>alert(1)</script>", tags=" one  two ")
        self.submit("write")
        self.browser.wait_for("document.querySelector('h2').innerText === '<b>Mine</b>'")
        self.assertEqual(self.browser.evaluate(
            "[...document.querySelector('article').querySelectorAll('.tag')]"
            ".map(t => t.innerText)"), ["one", "two"])

        self.browser.evaluate("document.querySelector('.votes button').click()")
        self.browser.wait_for("document.querySelector('.votes strong').innerText === '1'")
        self.browser.evaluate("document.querySelector('h2 a').click()")
        self.browser.wait_for("document.body.dataset.shown === 'post'")
        for text in ("First!", "An answer\nin two lines"):
            self.fill(answer=text)
            self.submit("reply")
            self.browser.wait_for("[...document.querySelectorAll('.comment p')]"
                                  f".some(p => p.innerText === {text!r})")
        self.assertIn("Grace", self.browser.evaluate("$('comments').innerText"))
        self.assertTrue(self.browser.evaluate("$('list').offsetParent === null"))
        self.picture("post")
        post = self.service.ask("GET", "/posts?search=Mine")[1]["posts"][0]
        self.assertEqual((post["votes"], post["author"]["name"]), (1, "Grace"))
        # The other cases count on the posts made at the start.
        self.service.ask("DELETE", "/posts/" + post["id"])

    def test_nothing_is_loaded_from_elsewhere(self):
        names = self.browser.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
        own = f"http://127.0.0.1:{self.service.port}/"
        self.assertEqual([name for name in names if not name.startswith((own, "data:"))], [])


if __name__ == "__main__":
    if find_chromium() is None:
        print("Chromium is missing (scripts/setup)")
        sys.exit(1 if os.environ.get("MUV_REQUIRE_SERVER") else 77)
    unittest.main(verbosity=1)
