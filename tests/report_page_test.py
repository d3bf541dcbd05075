#!/usr/bin/python3
"""The report's page in a real browser: opened from a file with no network, every sample must stay silent on the console
and load nothing, and its interactions must work by mouse, keyboard and touch-sized windows.

Usage: report_page_test.py PATH_OF_report_sample [unittest arguments]. Exit 77 (skipped, with the reason) where Debian's
chromium, chromium-driver or python3-selenium are missing. Needs no display and no network."""
import csv
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.support.ui import WebDriverWait
except ImportError:
    print("skipped: python3-selenium is missing (apt-get install python3-selenium chromium chromium-driver)")
    sys.exit(77)

SAMPLES = ["typical", "empty", "one", "single-objective", "four-objectives", "exact", "large", "layered", "hostile",
           "nothing-feasible"]
TIMEOUT_S = 20
driver = None
folder = None


def start_browser(chromium, chromedriver, profile):
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(chromedriver))
    started.set_script_timeout(TIMEOUT_S)
    return started


def find(selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def find_all(selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def script(code, *arguments):
    return driver.execute_script(code, *arguments)


def text(selector):
    return script("return document.querySelector(arguments[0]).textContent", selector)


def texts(selector):
    return script("return [...document.querySelectorAll(arguments[0])].map((node) => node.textContent)", selector)


def wait(condition, what):
    return WebDriverWait(driver, TIMEOUT_S, poll_frequency=0.03).until(lambda _: condition(), message=what)


def press(*keys):
    ActionChains(driver, duration=0).send_keys(*keys).perform()


def resize(width, height):
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})


def prefer(scheme):
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                           {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def page_url(sample):
    return (folder / sample / "report.html").as_uri()


def sample_json(sample, name="front.json"):
    return json.loads((folder / sample / name).read_text())


def front_of(sample):
    return [member for member in sample_json(sample)["front"] if not member["near_tie"]]


class ReportPage(unittest.TestCase):
    def setUp(self):
        self.injected = []
        resize(1280, 900)
        prefer("light")
        driver.get_log("browser")
        driver.get_log("performance")

    def tearDown(self):
        self.assertEqual(driver.get_log("browser"), [], "the console must stay silent")
        for identifier in self.injected:
            driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": identifier})

    def open(self, sample, before=None):
        if before:
            answer = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": before})
            self.injected.append(answer["identifier"])
        driver.get("about:blank")
        driver.get(page_url(sample))
        script("try { localStorage.clear(); } catch (error) { return; }")
        self.assertEqual(text("#footer")[:4], "Made", "the script ran to its end")

    def in_view(self, element):
        script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        return element

    def assert_fits(self, width):
        self.assertLessEqual(script("return document.documentElement.scrollWidth"), width, "no sideways scroll")

    # ---- the file

    def test_every_sample_opens_silently_and_loads_nothing(self):
        for sample in SAMPLES:
            with self.subTest(sample=sample):
                driver.get_log("performance")
                self.open(sample)
                requests = []
                for entry in driver.get_log("performance"):
                    message = json.loads(entry["message"])["message"]
                    if message["method"] == "Network.requestWillBeSent":
                        requests.append(message["params"]["request"]["url"])
                loaded = [url for url in requests if not url.startswith(("data:", "about:"))]
                self.assertEqual(loaded, [page_url(sample)])
                self.assertEqual(driver.get_log("browser"), [])
                self.assert_fits(1280)
                self.assertEqual(text("#summary"), sample_json(sample)["summary"])

    def test_policy_forbids_the_network(self):
        self.open("one")
        outcome = driver.execute_async_script(
            "const done = arguments[0]; fetch('https://example.org/').then(() => done('loaded'), () => done('refused'));")
        self.assertEqual(outcome, "refused")
        messages = driver.get_log("browser")
        self.assertTrue(any("Content Security Policy" in entry["message"] for entry in messages), messages)

    def test_hostile_names_stay_text(self):
        self.open("hostile")
        name = sample_json("hostile")["title"]
        self.assertIn("</script>", name)
        self.assertEqual(text("h1"), name)
        self.assertEqual(script("return document.scripts.length"), 3)
        self.assertEqual(script("return [...document.querySelectorAll('b')].map((b) => b.textContent)"), [f"front of {len(front_of('hostile'))}"])
        self.assertIn(name.split(" on ", 1)[1].strip()[:40], text("#machine"))

    # ---- the page of lts compare

    def open_comparison(self):
        driver.get_log("performance")
        driver.get("about:blank")
        driver.get((folder / "comparison" / "comparison.html").as_uri())
        self.assertEqual(text("#footer")[:4], "Made", "the script ran to its end")
        return json.loads(script("return document.getElementById('lts-data').textContent"))

    def test_comparison_overlays_the_runs_and_loads_nothing(self):
        data = self.open_comparison()
        requests = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
        loaded = [m["params"]["request"]["url"] for m in requests if m["method"] == "Network.requestWillBeSent"]
        self.assertEqual([url for url in loaded if not url.startswith(("data:", "about:"))],
                         [(folder / "comparison" / "comparison.html").as_uri()])
        self.assertEqual(len(find_all(".run-line")), 3)
        self.assertEqual(len(find_all(".run-point")), sum(len(run["front"]) for run in data["runs"]))
        self.assertEqual(len(find_all(".run-point.best")), sum(run["on_union_front"] for run in data["runs"]))
        colours = script("return [...document.querySelectorAll('.run-line')].map((l) => getComputedStyle(l).stroke)")
        self.assertEqual(len(set(colours)), 3)
        self.assertEqual(text("#summary"), data["summary"])
        self.assertEqual(texts("#runs-table tbody .run-name"), [run["name"] for run in data["runs"]])
        self.assertEqual(len(find_all("#pairs-table tbody tr")), 6)
        self.assertEqual(len(find_all("#budgets-table tbody .winner")), 3)
        self.assert_fits(1280)

    def test_comparison_hides_runs_and_turns_to_time_and_other_pairs(self):
        self.open_comparison()
        button = find(".run-toggle.run-1")
        button.click()
        self.assertEqual(button.get_attribute("aria-pressed"), "false")
        self.assertEqual(len(find_all(".run-line")), 2)
        self.assertEqual(len(find_all(".run-point.run-1")), 0)
        self.in_view(find("#by-time")).click()
        self.assertIn("Search time (s)", text("#growth-chart"))
        self.assertEqual(len(find_all("#pairs button")), 3)
        self.in_view(find_all("#pairs button")[1]).click()
        self.assertIn("Peak memory", text("#front-chart"))

    def test_comparison_fits_phones_and_keeps_its_text_in_size(self):
        for width in (1280, 700, 360, 320):
            with self.subTest(width=width):
                resize(width, 740)
                self.open_comparison()
                self.assert_fits(width)
                sizes = script("""return [...document.querySelectorAll('svg text')].map((node) =>
                  parseFloat(getComputedStyle(node).fontSize) * node.getScreenCTM().a)""")
                self.assertGreater(len(sizes), 8)
                self.assertLessEqual(max(sizes), 14)
                self.assertGreaterEqual(min(sizes), 11)

    # ---- what is shown

    def test_states_machine_command_line_workload_and_date(self):
        self.open("typical")
        facts = " | ".join(texts("#facts li"))
        for fact in ("AMD EPYC 7763", "2 cores", "192 prompt + 32 output tokens, batch 1", "2026-03-14 09:26 UTC", "f32", "KV cache f32"):
            self.assertIn(fact, facts)
        self.assertEqual(text("#command-text"), sample_json("typical")["command_line"])
        self.assertIn("archai-evolution", text("#run-list"))
        self.assertIn("maximize decoder_params, minimize latency_ms", text("#run-list"))
        self.assertEqual(json.loads(text("#run-raw")), sample_json("typical", "run.json"))
        self.assertIn("Linux 6.1.0", text("#machine"))

    def test_chart_holds_every_member_with_intervals_and_noise(self):
        self.open("typical")
        front = sample_json("typical")["front"]
        near_ties = sum(member["near_tie"] for member in front)
        self.assertGreater(near_ties, 0)
        self.assertEqual(len(find_all(".pt")), 214)
        self.assertEqual(len(find_all(".pt.front")), len(front) - near_ties)
        self.assertEqual(len(find_all(".pt.tie")), near_ties)
        self.assertEqual(len(find_all("#table tbody .tag.tie")), near_ties)
        self.assertTrue(find("#legend-tie").is_displayed())
        self.assertIn(f"and {near_ties} near-tie", text("#summary"))
        self.assertEqual(len(find_all(".bars path")), len(front), "latency is measured, parameters are counted")
        noisy = sum(any(m["metric"] == "latency_ms" and m["noisy"] for m in member["measurements"]) for member in front)
        self.assertGreater(noisy, 0)
        self.assertEqual(len(find_all(".bars path.noisy")), noisy)
        self.assertTrue(find("#legend-noisy").is_displayed())
        self.assertGreater(len(find_all("#table .badge")), 0)

    def test_samples_without_intervals_draw_none(self):
        self.open("exact")
        self.assertEqual(len(find_all(".bars path")), 0)
        self.assertEqual(len(find_all(".pt.tie")), 0)
        self.assertFalse(find("#legend-tie").is_displayed())
        self.assertFalse(find("#legend-interval").is_displayed())
        self.assertFalse(find("#legend-noisy").is_displayed())

    def test_empty_run_says_so(self):
        self.open("empty")
        self.assertIn("No decoder has been evaluated yet", text("#chart"))
        self.assertIn("still running", text("#facts"))
        self.assertEqual(len(find_all("#table tbody tr")), 1)
        self.assertFalse(find("#replay").is_displayed())
        self.open("nothing-feasible")
        self.assertIn("front is empty", text("#table tbody"))
        self.assertEqual(len(find_all(".pt.cross")), 12)

    def test_one_objective_is_drawn_over_the_search(self):
        self.open("single-objective")
        self.assertIn("Order of evaluation", text(".captions"))
        self.assertEqual(len(find_all(".pt.front")), 1)
        self.assertFalse(find("#pairs").is_displayed())

    def test_four_objectives_make_six_pairs(self):
        self.open("four-objectives")
        tabs = find_all("#pairs [role=tab]")
        self.assertEqual(len(tabs), 6)
        for tab in tabs:
            self.in_view(tab).click()
            self.assertEqual(tab.get_attribute("aria-selected"), "true")
            self.assertGreater(len(find_all(".pt.front")), 0)
        self.assertEqual(len(find_all(".growth-chart")), 1, "the front's size; no hypervolume of four objectives")

    def test_layers_are_drawn_one_by_one(self):
        self.open("layered")
        name = text("#detail-heading")
        member = next(m for m in sample_json("layered")["front"] if m["name"] == name)
        heights = script("return [...document.querySelectorAll('.layer .inner')].map((r) => r.getBBox().height)")
        widths = member["architecture"]["d_inner"]
        self.assertEqual(len(heights), member["architecture"]["n_layer"])
        for height, width in zip(heights, widths):
            self.assertAlmostEqual(height / max(heights), width / max(widths), places=2)

    # ---- the table

    def sorted_values(self, column):
        cells = texts(f"#table tbody tr > :nth-child({column + 2}) .value")
        factor = {"k": 1e3, "M": 1e6, "G": 1e9}
        values = []
        for cell in cells:
            number, _, unit = cell.replace(",", "").partition("\u00a0")
            values.append(float(number) * factor.get(unit, 1))
        return values

    def head(self, column):
        return find(f"#table thead th[data-column='{column}']")

    def test_table_sorts_by_click(self):
        self.open("typical")
        self.assertEqual(self.head(0).get_attribute("aria-sort"), "descending", "best of the first objective first")
        self.assertEqual(self.sorted_values(0), sorted(self.sorted_values(0), reverse=True))
        button = self.in_view(self.head(1)).find_element(By.TAG_NAME, "button")
        button.click()
        self.assertEqual(self.head(1).get_attribute("aria-sort"), "ascending")
        self.assertIsNone(self.head(0).get_attribute("aria-sort"))
        self.assertEqual(self.sorted_values(1), sorted(self.sorted_values(1)))
        button.click()
        self.assertEqual(self.head(1).get_attribute("aria-sort"), "descending")
        self.assertEqual(self.sorted_values(1), sorted(self.sorted_values(1), reverse=True))
        self.assertEqual(text("#toast"), "Sorted by latency, descending")

    def test_table_sorts_by_keyboard(self):
        self.open("typical")
        script("arguments[0].focus()", self.head(2).find_element(By.TAG_NAME, "button"))
        press(Keys.ENTER)
        self.assertEqual(self.head(2).get_attribute("aria-sort"), "ascending")
        self.assertEqual(self.sorted_values(2), sorted(self.sorted_values(2)))
        press(Keys.SPACE)
        self.assertEqual(self.head(2).get_attribute("aria-sort"), "descending")
        press(Keys.TAB, Keys.ENTER)
        self.assertEqual(self.head(3).get_attribute("aria-sort"), "ascending", "Tab goes to the next column")

    def test_table_sorts_shapes_by_depth(self):
        self.open("layered")
        self.in_view(self.head(-1)).find_element(By.TAG_NAME, "button").click()
        depths = [int(name.split()[0][1:]) for name in texts("#table .name")]
        self.assertEqual(depths, sorted(depths))
        self.assertGreater(len(set(depths)), 3)

    def test_table_shows_all_evaluated(self):
        self.open("typical")
        front = len(sample_json("typical")["front"])
        self.assertEqual(len(find_all("#table tbody tr")), front)
        toggle = self.in_view(find("#show-all"))
        script("arguments[0].focus()", toggle)
        press(Keys.SPACE)
        self.assertEqual(len(find_all("#table tbody tr")), 214)
        self.assertEqual(len(find_all("#table tbody tr.on-front")), len(front_of("typical")))
        find("#show-all-text").click()
        self.assertEqual(len(find_all("#table tbody tr")), front)

    # ---- points, tooltips, selection

    def test_hover_shows_shape_and_numbers(self):
        self.open("typical")
        point = self.in_view(find_all(".pt.front")[20])
        tooltip = find("#tooltip")

        def hovered():
            # On a busy machine the page may still scroll when the pointer arrives: come again.
            ActionChains(driver, duration=0).move_to_element(find("#front-heading")).move_to_element(point).perform()
            return tooltip.is_displayed()

        wait(hovered, "a tooltip")
        shown = tooltip.text
        self.assertRegex(shown, r"L\d+ d\d+ i\d+ h\d")
        self.assertRegex(shown, r"\d layers?, d_model \d+, d_inner \d+")
        self.assertRegex(shown, r"Latency\s+[\d.]+\sms\s+[\d.]+–[\d.]+\sms")
        box = tooltip.rect
        self.assertGreaterEqual(box["x"], 0)
        self.assertLessEqual(box["x"] + box["width"], 1280)
        ActionChains(driver, duration=0).move_to_element(find("#front-heading")).perform()
        wait(lambda: not tooltip.is_displayed(), "no tooltip away from the points")

    def test_points_are_reached_and_chosen_by_keyboard(self):
        self.open("typical")
        script("document.getElementById('log-y').focus()")
        press(Keys.TAB)
        active = driver.switch_to.active_element
        self.assertEqual(active.get_attribute("role"), "option", "Tab leads from the tools to one point")
        tooltip = find("#tooltip")
        wait(tooltip.is_displayed, "a tooltip at the focused point")
        self.assertIn(active.get_attribute("aria-label").split(",")[0], tooltip.text)
        press(Keys.HOME)
        first = driver.switch_to.active_element
        press(Keys.ARROW_RIGHT)
        second = driver.switch_to.active_element
        self.assertNotEqual(first, second)
        self.assertIn("front", second.get_attribute("class"))
        self.assertLess(float(first.get_attribute("cx")), float(second.get_attribute("cx")))
        press(Keys.ARROW_LEFT)
        self.assertEqual(driver.switch_to.active_element, first)
        press(Keys.END)
        last = driver.switch_to.active_element
        name = last.get_attribute("aria-label").split(",")[0]
        self.assertNotEqual(text("#detail-heading"), name)
        press(Keys.ENTER)
        self.assertEqual(text("#detail-heading"), name)
        self.assertEqual(driver.switch_to.active_element.get_attribute("aria-selected"), "true")
        self.assertEqual(len(find_all(".points [tabindex='0']")), 1, "roving tabindex")
        press(Keys.ESCAPE)
        wait(lambda: not tooltip.is_displayed(), "Escape closes the tooltip")
        press(Keys.TAB)
        self.assertEqual(driver.switch_to.active_element.get_attribute("id"), "play", "Tab leaves the points")

    def test_every_point_is_reached_by_arrow_keys(self):
        self.open("hostile")
        script("document.getElementById('log-y').focus()")
        press(Keys.TAB, *[Keys.ARROW_DOWN] * 40)
        visited = set()
        for _ in range(40):
            visited.add(script("return document.activeElement.getAttribute('aria-label')"))
            press(Keys.ARROW_UP)
        self.assertEqual(len(visited), 40)

    def test_selection_is_linked_between_chart_table_and_pairs(self):
        self.open("typical")
        row = self.in_view(find_all("#table tbody tr")[3])
        name = row.find_element(By.CSS_SELECTOR, ".name").text
        row.find_element(By.CSS_SELECTOR, "td").click()
        self.assertEqual(text("#detail-heading"), name)
        self.assertEqual(row.get_attribute("aria-current"), "true")
        selected = "return [...document.querySelectorAll('.pt[aria-selected=true]')].map((p) => p.getAttribute('aria-label'))"
        self.assertTrue(script(selected)[0].startswith(name + ","))
        self.in_view(find("#pair-2")).click()
        labels = script(selected)
        self.assertEqual(len(labels), 1)
        self.assertTrue(labels[0].startswith(name + ","), "the selection survives another pair")
        point = self.in_view(find_all(".pt.front")[-1])
        ActionChains(driver, duration=0).move_to_element(point).click().perform()
        chosen = text("#detail-heading")
        self.assertEqual(len(find_all("#table tr[aria-current]")), 1)
        self.assertEqual(text("#table tr[aria-current] .name"), chosen)

    def test_row_under_the_pointer_marks_its_point(self):
        self.open("typical")
        ActionChains(driver, duration=0).move_to_element(self.in_view(find_all("#table tbody tr")[2])).perform()
        wait(lambda: find(".ring.active").get_attribute("display") != "none", "a ring around the point")
        self.assertEqual(len(find_all("#table tr.active")), 1)

    # ---- axes, pairs, the replay

    def test_pairs_switch_by_click_and_arrow_keys(self):
        self.open("typical")
        self.assertIn("Latency (ms)", text(".captions"))
        self.in_view(find("#pair-1")).click()
        self.assertIn("Peak memory (MiB)", text(".captions"))
        self.assertIn("Decoder parameters", text(".captions"))
        press(Keys.ARROW_RIGHT)
        self.assertEqual(driver.switch_to.active_element.get_attribute("id"), "pair-2")
        self.assertEqual(find("#pair-2").get_attribute("aria-selected"), "true")
        self.assertIn("Latency (ms)", text(".captions"))
        self.assertIn("Peak memory (MiB)", text(".captions"))
        press(Keys.ARROW_RIGHT)
        self.assertEqual(driver.switch_to.active_element.get_attribute("id"), "pair-0", "round to the first")

    def test_logarithmic_axes_are_chosen_by_range_and_by_hand(self):
        self.open("typical")
        log_x = find("#log-x")
        before = texts(".ticks text")
        pressed = log_x.get_attribute("aria-pressed")
        self.in_view(log_x).click()
        self.assertNotEqual(log_x.get_attribute("aria-pressed"), pressed)
        self.assertNotEqual(texts(".ticks text"), before)
        log_x.click()
        self.assertEqual(texts(".ticks text"), before)

    def visible_points(self):
        return script("return document.querySelectorAll('.pt:not(.future)').length")

    def test_slider_goes_back_in_the_search(self):
        self.open("typical")
        end_step = find("path.step").get_attribute("d")
        slider = self.in_view(find("#slider"))
        script("arguments[0].focus()", slider)
        press(Keys.HOME)
        self.assertEqual(self.visible_points(), 1)
        self.assertIn("front of 1 · 1 of 214 evaluated", text("#slider-text"))
        self.assertNotEqual(find("path.step").get_attribute("d"), end_step)
        press(Keys.PAGE_UP)
        self.assertGreater(self.visible_points(), 1)
        self.assertIn("evaluated", slider.get_attribute("aria-valuetext"))
        press(Keys.END)
        self.assertEqual(self.visible_points(), 214)
        self.assertEqual(find("path.step").get_attribute("d"), end_step)

    def set_cap(self, name, place):
        script("arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
               self.in_view(find(f"#cap-{name}")), place)

    def test_budget_selects_the_best_under_the_caps(self):
        self.open("typical")
        front = sample_json("typical")["front"]
        before = text("#detail-heading")
        self.assertIn("no cap", texts("#budget output")[0])
        for place in (200, 500, 800):
            self.set_cap("latency_ms", place)
            low, high = (edge(m["objectives"]["latency_ms"] for m in front) for edge in (min, max))
            cap = low * (1.1 * high / low) ** (place / 1000)  # the slider ends at what is expected
            best = max((m for m in front if m["objectives"]["latency_ms"] <= cap),
                       key=lambda m: m["objectives"]["decoder_params"])
            self.assertEqual(text("#detail-heading"), best["name"])
            self.assertIn(f"{best['name']} is the best that was measured", text("#budget-answer"))
            self.assertEqual(script("return document.querySelectorAll('.cap-areas rect').length"), 1)
        # A second cap can only take from what the first left.
        self.set_cap("peak_memory_mib", 100)
        self.assertNotEqual(text("#detail-heading"), before)
        memory = [m["objectives"]["peak_memory_mib"] for m in front]
        cap_memory = min(memory) * (1.1 * max(memory) / min(memory)) ** 0.1
        best = max((m for m in front if m["objectives"]["latency_ms"] <= cap
                    and m["objectives"]["peak_memory_mib"] <= cap_memory),
                   key=lambda m: m["objectives"]["decoder_params"])
        self.assertEqual(text("#detail-heading"), best["name"])

    def test_budget_names_what_is_expected_to_be_better(self):
        self.open("typical")
        self.set_cap("latency_ms", 999)
        self.assertIn("is expected to be better, but was not measured", text("#budget-answer"))
        self.set_cap("latency_ms", 1000)
        self.assertIn("Move a slider", text("#budget-answer"))

    def test_budget_is_hidden_without_a_choice(self):
        for sample in ("empty", "one"):
            if (folder / sample).exists():
                self.open(sample)
                self.assertTrue(find("#budget").get_attribute("hidden"))

    def test_certificate_is_stated(self):
        self.open("typical")
        self.assertIn("none of the 5880 architectures of the space", text("#summary"))
        self.assertIn("6.1 %", text("#summary"))

    def test_replay_runs_to_the_end_and_pauses(self):
        self.open("typical")
        play = self.in_view(find("#play"))
        play.click()
        self.assertEqual(play.get_attribute("aria-label"), "Pause the replay")
        wait(lambda: 1 < self.visible_points() < 214, "the replay moves")
        play.click()
        self.assertEqual(play.get_attribute("aria-label"), "Replay the search")
        script("const s = document.getElementById('slider'); s.value = 205; s.dispatchEvent(new Event('input'));")
        play.click()
        wait(lambda: self.visible_points() == 214, "the replay ends with everything shown")
        wait(lambda: play.get_attribute("aria-label") == "Replay the search", "and stops by itself")

    def test_growth_curves_follow_and_lead(self):
        self.open("typical")
        curves = find_all(".growth-chart")
        self.assertEqual([texts("#growth-charts h4")[i] for i in range(2)], ["Hypervolume", "Members of the front"])
        ActionChains(driver, duration=0).move_to_element(self.in_view(curves[0])).click().perform()
        shown = self.visible_points()
        self.assertTrue(60 < shown < 150, shown)
        self.assertEqual(find("#slider").get_attribute("value"), str(shown))
        cursor = find(".growth-chart .cursor")
        before = cursor.get_attribute("x1")
        script("arguments[0].focus()", find("#slider"))
        press(Keys.HOME)
        self.assertNotEqual(cursor.get_attribute("x1"), before)

    # ---- numbers, against the same rules written again

    def costs(self, sample):
        """Costs (smaller is better) of every feasible evaluated member, one column per objective."""
        objectives = sample_json(sample)["objectives"]
        with open(folder / sample / "evaluated.csv", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["feasible"] == "1"]
        sign = [-1 if o["direction"] == "maximize" else 1 for o in objectives]
        return [[s * float(row[o["name"]]) for s, o in zip(sign, objectives)] for row in rows]

    def test_front_in_each_pair_is_the_non_dominated_one(self):
        self.open("typical")
        costs = self.costs("typical")
        for tab, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)]):
            best = {(p[a], p[b]) for p in costs
                    if not any(q[a] <= p[a] and q[b] <= p[b] and (q[a], q[b]) != (p[a], p[b]) for q in costs)}
            self.in_view(find(f"#pair-{tab}")).click()
            path = find(".chart path.step").get_attribute("d")
            self.assertEqual(path.count("H") - 1, len(best), "one corner each, and the last stretch")

    def test_hypervolume_is_that_of_the_front(self):
        for sample in ("exact", "typical"):
            points = self.costs(sample)
            columns = list(zip(*points))
            heights = [[(max(c) - v) / (max(c) - min(c)) for v, c in zip(p, columns)] for p in points]
            if sample == "exact":
                heights = [[*h, 1.0] for h in heights]
            # Inclusion by cells: the coordinates of the points cut the box into cells, covered or not as a whole.
            volume = 0.0
            thirds = sorted({h[2] for h in heights} | {0.0})
            for low, high in zip(thirds, thirds[1:]):
                slab = sorted((h for h in heights if h[2] >= high), reverse=True)
                area, top = 0.0, 0.0
                for h in slab:
                    if h[1] > top:
                        area += h[0] * (h[1] - top)
                        top = h[1]
                volume += area * (high - low)
            self.open(sample)
            label = find(".growth-chart").get_attribute("aria-label")
            shown = int(re.search(r"(\d+) % after [^,]*\.$", label).group(1))
            self.assertAlmostEqual(shown, 100 * volume, delta=0.51, msg=label)

    # ---- copy

    def pasted(self):
        script("const area = document.createElement('textarea'); area.id = 'paste'; document.body.append(area); area.focus();")
        ActionChains(driver, duration=0).key_down(Keys.CONTROL).send_keys("v").key_up(Keys.CONTROL).perform()
        wait(lambda: script("return document.getElementById('paste').value") != "", "something to paste")
        value = script("const area = document.getElementById('paste'); const v = area.value; area.remove(); return v;")
        return value

    def copy_and_check(self):
        name = text("#detail-heading")
        member = next(m for m in sample_json("typical")["front"] if m["name"] == name)
        expected = (folder / "typical" / "architectures" / (member["id"] + ".json")).read_text()
        button = self.in_view(find("#copy-config"))
        button.click()
        wait(lambda: button.text == "Copied ✓", "the button says so")
        self.assertEqual(text("#toast"), f"Copied the config of {name}")
        self.assertEqual(find("#toast").get_attribute("aria-live"), "polite")
        self.assertEqual(self.pasted(), expected)

    def test_copy_puts_the_file_on_the_clipboard(self):
        self.open("typical")
        self.copy_and_check()

    def test_copy_works_without_a_clipboard(self):
        self.open("typical", "Object.defineProperty(navigator, 'clipboard', {value: undefined});")
        self.copy_and_check()

    def test_copy_works_where_the_clipboard_refuses(self):
        self.open("typical", "Object.defineProperty(navigator, 'clipboard', {value: {writeText: () => Promise.reject(new Error('no'))}});")
        self.copy_and_check()

    def test_copy_says_when_it_cannot(self):
        self.open("typical", "Object.defineProperty(navigator, 'clipboard', {value: undefined}); document.execCommand = () => false;")
        button = self.in_view(find("#copy-config"))
        button.click()
        wait(lambda: "refused" in text("#toast"), "the refusal is told")
        self.assertEqual(button.text, "Copy config")

    def test_rows_and_command_line_are_copied_too(self):
        self.open("typical")
        row = self.in_view(find_all("#table tbody tr")[1])
        index = int(row.get_attribute("data-index"))
        selected = text("#detail-heading")
        row.find_element(By.CSS_SELECTOR, ".copy").click()
        wait(lambda: row.find_element(By.CSS_SELECTOR, ".copy").text == "Copied ✓", "the row says so")
        config = json.loads(self.pasted())
        rows = (folder / "typical" / "evaluated.csv").read_text().splitlines()
        header = rows[0].split(",")
        self.assertEqual(str(config["d_model"]), rows[index + 1].split(",")[header.index("d_model")])
        self.assertEqual(text("#detail-heading"), selected, "copying a row does not select it")
        self.in_view(find("#copy-command")).click()
        wait(lambda: text("#copy-command") == "Copied ✓", "copied")
        self.assertEqual(self.pasted(), sample_json("typical")["command_line"])

    # ---- themes, sizes, access

    def background(self):
        return script("return getComputedStyle(document.body).backgroundColor")

    def test_theme_follows_the_system_and_the_button(self):
        self.open("typical")
        light = self.background()
        prefer("dark")
        wait(lambda: self.background() != light, "the system's choice")
        dark = self.background()
        button = find("#theme")
        self.assertEqual(button.get_attribute("aria-pressed"), "true")
        button.click()
        self.assertEqual(self.background(), light)
        self.assertEqual(button.get_attribute("aria-pressed"), "false")
        driver.refresh()
        self.assertEqual(self.background(), light, "remembered")
        find("#theme").click()
        prefer("light")
        self.assertEqual(self.background(), dark)
        script("localStorage.clear()")

    def test_phones_need_no_sideways_scroll(self):
        for sample in ("typical", "layered", "hostile", "four-objectives", "empty", "single-objective"):
            for width in (360, 320):
                with self.subTest(sample=sample, width=width):
                    resize(width, 740)
                    self.open(sample)
                    self.assert_fits(width)
        self.open("typical")
        table = find("#table-scroll")
        self.assertGreater(script("return arguments[0].scrollWidth", table), 320, "the table scrolls in its own frame")
        self.assertEqual(table.get_attribute("tabindex"), "0")
        point = self.in_view(find_all(".pt.front")[10])
        ActionChains(driver, duration=0).move_to_element(point).click().perform()
        wait(find("#tooltip").is_displayed, "a tap shows the numbers")
        box = find("#tooltip").rect
        self.assertGreaterEqual(box["x"], 0)
        self.assertLessEqual(box["x"] + box["width"], 320)

    def test_charts_follow_the_window(self):
        self.open("typical")
        wide = find(".front-chart").size["width"]
        resize(700, 900)
        wait(lambda: find(".front-chart").size["width"] < wide, "the chart is drawn anew")
        self.assert_fits(700)

    def test_everything_to_operate_has_a_name_and_landmarks_exist(self):
        self.open("typical")
        nameless = script("""
          return [...document.querySelectorAll('button, input, [tabindex="0"], svg[role]')].filter((node) => {
            const by = (node.getAttribute('aria-labelledby') || '').split(' ').map((id) => document.getElementById(id)).filter(Boolean);
            const label = node.id && document.querySelector(`label[for="${node.id}"]`) || node.closest('label');
            return !(node.getAttribute('aria-label') || by.length || label || node.textContent.trim());
          }).map((node) => node.outerHTML.slice(0, 120))""")
        self.assertEqual(nameless, [])
        for landmark in ("header", "main", "footer", "h1", "main h2"):
            self.assertGreater(len(find_all(landmark)), 0, landmark)
        self.assertEqual(script("return document.documentElement.lang"), "en")
        ids = script("return [...document.querySelectorAll('[id]')].map((node) => node.id)")
        self.assertEqual(len(ids), len(set(ids)), "ids are unique")

    def test_focus_is_visible(self):
        self.open("typical")
        script("document.getElementById('log-y').focus()")
        press(Keys.TAB)
        self.assertNotEqual(find(".ring.active").get_attribute("display"), "none")
        press(Keys.TAB)
        outline = script("return getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid")

    def test_text_has_contrast_in_both_themes(self):
        measure = """
          const parse = (color) => (color.match(/[\\d.]+/g) || []).map(Number);
          const luminance = (rgb) => rgb.slice(0, 3).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const behind = (node) => {
            for (let n = node; n; n = n.parentElement) {
              const color = parse(getComputedStyle(n).backgroundColor);
              if (color.length === 3 || color[3] === 1) return color;
            }
            return [255, 255, 255];
          };
          const bad = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const node = walker.currentNode.parentElement;
            if (!walker.currentNode.textContent.trim() || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TITLE', 'title'].includes(node.tagName)) continue;
            if (node.closest('#toast, .visually-hidden, .skip, :disabled') || node.getClientRects().length === 0) continue;
            const style = getComputedStyle(node);
            const ink = parse(node.namespaceURI.endsWith('svg') ? style.fill : style.color);
            const [a, b] = [luminance(ink), luminance(behind(node))].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) bad.push([walker.currentNode.textContent.slice(0, 30), ratio.toFixed(2)]);
          }
          return bad;"""
        for scheme in ("light", "dark"):
            prefer(scheme)
            self.open("typical")
            self.assertEqual(script(measure), [], scheme)


def main():
    global driver, folder
    if len(sys.argv) < 2:
        sys.exit("usage: report_page_test.py PATH_OF_report_sample [unittest arguments]")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    chromedriver = shutil.which("chromedriver")
    if not chromium or not chromedriver:
        print("skipped: chromium or its driver is missing (apt-get install chromium chromium-driver)")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="lts-report-page-") as temporary:
        folder = pathlib.Path(temporary)
        os.environ["HOME"] = temporary  # the browser's own files
        emulator = [os.environ["LTS_EMULATOR"]] if "LTS_EMULATOR" in os.environ else []
        for sample in [*SAMPLES, "comparison"]:
            subprocess.run([*emulator, sys.argv[1], str(folder / sample), sample], check=True)
        try:
            driver = start_browser(chromium, chromedriver, folder / "profile")
        except WebDriverException as error:
            sys.exit(f"the browser does not start: {error}")
        try:
            result = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False).result
        finally:
            driver.quit()
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
