"""Questions as people put them, with what an answer must say and what it must not.

Each row has the texts that must be in the answer, those that must not, and the ways in
which people ask for that.
"""

from typing import NamedTuple


class Asked(NamedTuple):
    """Ways to ask one thing; `never` must not be in the answer."""

    says: tuple[str, ...]
    never: tuple[str, ...]
    questions: tuple[str, ...]


UNANSWERED = "can't be answered from the board"
ABSENT = "isn't on the board"
WRONG = (UNANSWERED, ABSENT)
ACME = "Acme Anvil Works (ACME)"
NOW_ON = "5 matches are on now: Oranjeveld 4–2 SV Lindenbrock (76′), Mbalowe Stars 0–0"

SIMULATED = (
    Asked(
        (
            f"{ACME} is at 123.73 EUR, up 0.33 (+0.27%) ",
            "on the previous close of 123.40.",
        ),
        (*WRONG, "volume", "market"),
        (
            *("ACME", "ACME?", "$ACME", "acme price", "price of ACME", "PRICE OF ACME"),
            *("what is the price of acme?", "how's acme doin", "hows acme doing"),
            *("how much is acme", "acme pls", "could you tell me the price of ACME"),
            *("Acme Anvil Works", "is ACME up or down", "how much has ACME moved"),
            *("acme chg", "hi, what's ACME at?", "anvil works share price"),
        ),
    ),
    Asked(
        ("Nimbravo Cloud (NMBR) is at 548.93 EUR",),
        WRONG,
        ("nimbravo", "nimbrvo clould", "Nimbravo cloud?", "nimbrafo", "nmbr px"),
    ),
    Asked(
        ("Keelhaven Shipyards (KEEL) is at 71.96 EUR",),
        WRONG,
        ("keelhavn shipyrds price", "whats keelhaven at", "shipyards", "PRICE OF KEEL"),
    ),
    Asked(
        ("Kokovanna Chocolate (KOKO) is at 119.15 EUR, down 0.60 (−0.50%)",),
        WRONG,
        ("choclate", "koko", "gve me the price of kokovanna", "chocolate quote"),
    ),
    Asked(
        ("moved between 122.62 and 124.14", "opened at 123.39 and has", "185,541"),
        WRONG,
        ("range of ACME", "hows acme doin today?", "acme hi lo", "ACME day stats"),
    ),
    Asked(
        (f"The session high of {ACME} is 124.14 EUR",),
        (*WRONG, "low"),
        ("high of acme", "how high was ACME today", "ACME HIGH", "acme's peak?"),
    ),
    Asked(
        ("The session low of Keelhaven Shipyards (KEEL) is 70.21 EUR",),
        (*WRONG, "high"),
        ("low of keel", "how low did KEEL go", "what's the lowest KEEL has been"),
    ),
    Asked(
        ("The volume of Pixelund Displays (PXL) this session is 3,146,917.",),
        WRONG,
        ("volume of PXL", "how many shares of PXL were traded", "pxl vol"),
    ),
    Asked(
        ("Buyers bid 885.05", "sellers ask 885.25 EUR", "a spread of 0.20"),
        WRONG,
        ("spread of QBIT", "bid ask qbit", "qubitarna bid"),
    ),
    Asked(
        (f"The opening price of {ACME} is 123.39 EUR",),
        WRONG,
        ("where did ACME open", "acme opening price", "what did acme open at"),
    ),
    Asked(
        ("The previous close of Heliomera Solar (HELM) is 57.08 EUR",),
        WRONG,
        ("where did helm close yesterday", "prev close HELM", "helm last close"),
    ),
    Asked(
        ("are in EUR.",), WRONG, ("which currency is ACME in", "acme in which money?")
    ),
    Asked(
        ("HELM is the symbol of Heliomera Solar", "sector Energy", "market MAIN"),
        WRONG,
        ("tell me about HELM", "which company is HELM", "what sector is helm in"),
    ),
    Asked(
        (
            f"In the last 10 minutes, {ACME} has risen by 0.78 (+0.63%) from 122.95 ",
            "to 123.73 EUR, with a low of 122.62, a high of 124.14 and a volume of ",
        ),
        WRONG,
        (
            *(
                "acme last 10 minutes",
                "ACME IN THE PAST 10 MINS",
                "acme past ten minutes",
            ),
            *("how has acme done over the last 10 min?", "acme since 10 minutes ago"),
        ),
    ),
    Asked(
        (
            "In the last 30 minutes",
            "fallen by 1.47 (−1.17%) from 125.20 to 123.73 EUR",
        ),
        WRONG,
        ("ACME past half hour", "acme last 30m", "acme in the last half an hour"),
    ),
    Asked(
        ("In the last 2 hours (the board's prices begin at 13:19 UTC)", "128.35"),
        WRONG,
        ("acme over the last two hours", "ACME last 2h"),
    ),
    Asked(
        ("Since 14:00 UTC", "risen by 0.05 (+0.04%) from 123.68 to 123.73 EUR"),
        WRONG,
        (
            "acme since 14:00",
            "acme since 2pm",
            "ACME since 3pm cet",
            "acme from 14:00 utc",
        ),
    ),
    Asked(
        ("At 13:59 UTC, Boltwright Fasteners (BOLT) was at 46.25 EUR",),
        WRONG,
        ("what was BOLT 5 minutes ago", "bolt five minutes ago"),
    ),
    Asked(
        ("doesn't know the price of", "at 12:00 UTC; now it is at 123.73 EUR"),
        (UNANSWERED,),
        ("price of ACME at noon", "what was acme at 12:00"),
    ),
    Asked(
        (
            "at 123.73 EUR (+0.27%)",
            "46.10 EUR (+0.44%)",
            "BOLT has done better than ACME",
        ),
        WRONG,
        ("compare ACME and BOLT", "acme vs bolt", "ACME or BOLT?", "acme against bolt"),
    ),
    Asked(
        ("HELM has done best and WNDM worst, 0.21 percentage points apart",),
        WRONG,
        ("compare helm, vltm and wndm", "helm vs vltm vs wndm"),
    ),
    Asked(
        (
            "Qubitarna Systems (QBIT) costs more than ",
            "Cipherholm Security (CPHM) at 322.95",
        ),
        WRONG,
        ("which costs more, QBIT or CPHM?", "which is more expensive cphm or qbit"),
    ),
    Asked(
        ("Pixelund Displays (PXL) has risen most, by 2.08%", "TURB (+1.86%)"),
        (*WRONG, "fallen"),
        (
            *("who rose most", "what are the top gainers", "stoks that rose the moast"),
            *(
                "best stock today",
                "biggest winner",
                "which stock is up most",
                "top stocks",
            ),
        ),
    ),
    Asked(
        ("Ebbwater Tidal (EBBW) has fallen most, by 1.57%", "FRYM (−1.38%)"),
        (*WRONG, "risen"),
        (
            *("biggest losers", "TOP LOSERS", "worst performer", "who fell most"),
            *("which company lost the most", "who is the biggest loser"),
        ),
    ),
    Asked(
        ("(PXL) has risen most", "(EBBW) has fallen most"),
        WRONG,
        ("biggest movers", "which stocks moved most", "most volatile stock"),
    ),
    Asked(
        ("In the last 10 minutes, Qubitarna Systems (QBIT) has risen most, by 2.21%",),
        WRONG,
        ("which stock gained most in the last 10 minutes", "top riser past 10 mins"),
    ),
    Asked(
        ("(QBIT) has risen most", "and TURB (+1.16%)"),
        WRONG,
        ("top 5 gainers in the last 10 minutes", "top 5 risers past ten minutes"),
    ),
    Asked(
        ("risen most in Energy, by 0.79%", "VLTM (+0.65%)"),
        (*WRONG, "PXL"),
        ("best performers in energy", "top energy stocks", "who rose most in Energy"),
    ),
    Asked(
        ("Boltwright Fasteners (BOLT) has risen most among your pins, by 0.44%",),
        WRONG,
        ("best of my pins", "which of my stocks rose most"),
    ),
    Asked(
        ("BOLT has done better than ACME",), WRONG, ("how are my pins", "my watchlist")
    ),
    Asked(
        ("most traded symbol this session is PXL with a volume of 3,146,917",),
        WRONG,
        ("most active stocks", "highest volume", "what is traded most"),
    ),
    Asked(
        ("The highest price is that of QBIT at 885.05 EUR",),
        WRONG,
        ("most expensive stock", "dearest share"),
    ),
    Asked(
        ("The lowest price is that of PXL at 3.281 EUR",),
        WRONG,
        ("cheapest share", "lowest price"),
    ),
    Asked(
        ("Of the 5 symbols in Energy, 3 are up and 2 are down.", "EBBW (−1.57%)"),
        WRONG,
        ("how's energy", "how is the energy sector doing", "energy stocks", "ENERGY"),
    ),
    Asked(
        ("In the last 5 minutes, Rivetta Castings (RVTA) has risen most, by 0.66%",),
        (*WRONG, "fallen"),
        ("which stocks rose in the last 5 minutes", "RISERS PAST 5 MINS"),
    ),
    Asked(("19 of the 30 symbols are up.",), WRONG, ("how many symbols are up",)),
    Asked(
        ("2 of the 5 symbols in Energy are down",),
        WRONG,
        ("how many are down in energy",),
    ),
    Asked(("11 symbols are down: BRWB, EBBW",), WRONG, ("which symbols are down",)),
    Asked(("1 symbol in Food is up: SLTM",), WRONG, ("which food stocks are up",)),
    Asked(
        ("30 symbols are on the board",),
        WRONG,
        ("list the symbols", "how many companies"),
    ),
    Asked(
        ("6 sectors", "Technology and Travel"),
        WRONG,
        ("sectors?", "which sectors are there"),
    ),
    Asked(
        ("The market MAIN is open until 14:20 UTC, for another 15 minutes.",),
        (*WRONG, "closed"),
        (
            *("is the market open", "MARKET OPEN?", "when does the market close"),
            *("market status", "until when is MAIN open", "is trading halted"),
            *("when does trading end", "how long is the market open"),
        ),
    ),
    Asked(
        ("The market MAIN is open", "Of the 30 symbols, 19 are up and 11 are down."),
        WRONG,
        ("hows the market doing", "how is the market"),
    ),
    Asked(
        (NOW_ON,),
        WRONG,
        (
            *(
                "what's on now",
                "which matches are live?",
                "live scores",
                "any matches on?",
            ),
            *("WHAT GAMES ARE ON", "scores", "football", "who is playing"),
        ),
    ),
    Asked(
        ("2 matches are to come: SC Valdourinho v Eldvogar at 14:04 UTC",),
        WRONG,
        ("what comes next", "upcoming matches", "next match", "fixtures"),
    ),
    Asked(
        ("3 matches are over: Kestrelmoor Town 3–0 Cedarwick City",),
        WRONG,
        ("results", "which matches are over?", "final scores"),
    ),
    Asked(("5 matches are on now.",), WRONG, ("how many matches are live",)),
    Asked(
        (
            "Oranjeveld lead SV Lindenbrock 4–2 in the second half (76′).",
            "A. Iveskin (38′)",
        ),
        WRONG,
        (
            *("lindenbrock score", "oranjeveld v lindenbrock", "ora lbk", "ORA"),
            *("lindenbrok", "who scored for Oranjeveld?", "is oranjeveld winning"),
            *("who is ahead in the lindenbrock game", "oranjevelt"),
        ),
    ),
    Asked(
        ("Mbalowe Stars and CD Azulmara are level at 0–0 in the second half (59′).",),
        WRONG,
        ("what minute is the azulmara match", "is Mbalowe winning", "mbalowe azulmara"),
    ),
    Asked(
        (
            "Nobody has been sent off.",
            "K. Ivundt of CD Azulmara (26′)",
            "have been booked",
        ),
        WRONG,
        ("cards in the azulmara match", "who was booked in mbalowe v azulmara"),
    ),
    Asked(
        ("Riverholt Rovers beat FK Kamenbrod 3–1.", "N. Nevendahl (12′, 67′ and 75′)"),
        WRONG,
        ("did riverholt win", "riverholt result", "kamenbrod"),
    ),
    Asked(
        ("Kestrelmoor Town v Atlético Palmetara kicks off at 14:06 UTC",),
        (*WRONG, "Cedarwick"),
        ("when does Kestrelmoor play next", "palmetara kick off", "atletico palmetara"),
    ),
    Asked(
        (
            "E. Pellovane scored for Nordhamra IF against Serravento Calcio ",
            "at 14:03 UTC (42′)",
        ),
        (*WRONG, "Aldirro"),
        ("last goal", "latest goal", "who scored last"),
    ),
    Asked(
        ("18 goals have been scored", "these are the last 5", "making it 2–0"),
        WRONG,
        ("who scored", "goals since 13:50", "all goals"),
    ),
    Asked(
        ("10 goals have been scored since 14:00",),
        WRONG,
        ("how many goals since 14:00",),
    ),
    Asked(
        ("4 goals", "in the last 2 minutes"), WRONG, ("goals in the last 2 minutes",)
    ),
    Asked(
        ("18 goals", "in the Meridian League"), WRONG, ("goals in the meridian league",)
    ),
    Asked(
        ("most goals, 6, is Oranjeveld 4–2",),
        WRONG,
        ("which match has the most goals",),
    ),
    Asked(
        ("No side on the board has a red card.",),
        WRONG,
        ("red cards", "any red cards?"),
    ),
    Asked(
        ("5 matches in the Meridian League are on now",), WRONG, ("meridian league",)
    ),
    Asked(
        (
            "In the last 5 minutes",
            "RVTA",
            "E. Pellovane scored",
            "more goals were scored",
        ),
        WRONG,
        ("what changed in the last 5 minutes", "whats new in the past 5 mins"),
    ),
    Asked(
        ("In the last 10 minutes, Qubitarna",),
        WRONG,
        ("what happened", "what did i miss", "anything new?", "catch me up"),
    ),
    Asked(
        ("The market MAIN is open", "Of the 30 symbols", "5 matches are on now"),
        WRONG,
        ("overview", "summary please", "whats going on", "What is on the board?"),
    ),
    Asked(
        ("There is no notice on the board.",), WRONG, ("any notices?", "announcements")
    ),
    Asked(
        ("comes from the simulator", "the board is up to date"),
        WRONG,
        (
            *(
                "is the data live",
                "how old is the data",
                "where does the data come from",
            ),
            *("is this live?", "are these prices real?", "is the feed ok"),
        ),
    ),
    Asked(("You are welcome.",), WRONG, ("thanks", "thx", "thank you very much")),
    Asked(("Hello",), WRONG, ("hello", "hi", "Good morning!", "how are you?")),
    Asked(("Goodbye.",), WRONG, ("bye", "goodbye")),
    Asked(
        ("You can ask about prices",), WRONG, ("help", "what can you do?", "help me")
    ),
    Asked(("written by rules",), WRONG, ("who are you", "are you an AI")),
    Asked(("It is 14:04 UTC.",), WRONG, ("what time is it",)),
    Asked(
        ("This board gives no advice",),
        ("you should",),
        ("should I buy ACME", "is ACME a good investment", "which stock should I buy"),
    ),
    Asked(
        ("This board shows what is, not what will be",),
        ("will rise", "will win"),
        ("will ACME rise tomorrow", "who will win", "predict ACME"),
    ),
    Asked(("what happened, not why", ACME), WRONG, ("why did ACME fall",)),
    Asked(
        ("“TSLA” isn't on the board; the nearest name is",),
        (UNANSWERED, "EUR"),
        ("price of TSLA", "TSLA", "how is TSLA doing"),
    ),
    Asked(
        (
            "“BOLD” isn't on the board",
            "the nearest name is Boltwright Fasteners (BOLT).",
        ),
        ("46.10",),
        ("price of BOLD",),
    ),
    Asked(
        ("“arsenal” isn't on the board; the nearest name is",),
        ("goals have been",),
        ("who scored for arsenal", "arsenal score"),
    ),
    Asked(("“TSLA” isn't on the board.", ACME), (), ("compare ACME and TSLA",)),
    Asked(
        (f"{UNANSWERED}; you can ask “Which symbols rose most?”",),
        ("isn't on the board",),
        (
            *(
                "stocks above 100",
                "asdf qwer zxcv uiop hjkl",
                "tell me a joke",
                "",
                "???",
                "42",
                "🙂",
            ),
            *("what is the meaning of life", "who is the president of france"),
        ),
    ),
)

PUBLISHED = (
    Asked(
        ("Brent crude (BRN) is at 82.44 USD, up 0.74 (+0.91%)",),
        WRONG,
        ("brent", "brent crude price", "BRN", "how is oil doing", "brant crude"),
    ),
    Asked(
        ("Gold (XAU) is at 2,390.10 USD, down 10.90 (−0.45%)", "COMEX is halted"),
        WRONG,
        ("gold", "XAU", "price of gold please"),
    ),
    Asked(
        ("BTC/USDT is at 64,250.5; its last trade was at 13:55 UTC.",),
        WRONG,
        ("BTC/USDT", "btc usdt price", "$BTC/USDT", "btc"),
    ),
    Asked(("NULL is at 7.00.",), (*WRONG, "None"), ("NULL", "price of NULL")),
    Asked(
        ("The session high of NULL isn't known; it is at 7.00.",), WRONG, ("NULL high",)
    ),
    Asked(
        ("Silver (SILVER) is at 28.40. Its previous close isn't known.",),
        WRONG,
        ("silver change",),
    ),
    Asked(
        (
            "In the last 10 minutes (the board's prices begin at 13:58 UTC)",
            "0.34 (+0.41%)",
        ),
        WRONG,
        ("brent last 10 minutes",),
    ),
    Asked(
        ("BRN has done better than XAU by 1.36",), WRONG, ("compare brent and gold",)
    ),
    Asked(("Of the 2 symbols in Metals", "XAU (−0.45%)"), WRONG, ("metals",)),
    Asked(("Brent crude (BRN) has risen most",), WRONG, ("who rose most",)),
    Asked(
        ("Acton lead Burton 2–1 in the first half (40′).", "D. Dunn (38′, own goal)"),
        WRONG,
        ("acton", "acton burton score", "who scored in acton v burton", "burton?"),
    ),
    Asked(
        ("B. Bond of Burton (36′) has been sent off.", "(20′) has been booked"),
        WRONG,
        ("cards in acton v burton",),
    ),
    Asked(
        ("Crewe v Derby kicks off at 14:55 UTC, in 51 minutes.",),
        WRONG,
        ("crewe kick off", "when does derby play"),
    ),
    Asked(
        ("Frome won 3–0 at Epsom.",), WRONG, ("did epsom win", "frome", "is epsom over")
    ),
    Asked(
        ("Hove beat Goole 5–4 on penalties after it ended 1–1.",),
        WRONG,
        ("hove result",),
    ),
    Asked(("Ilkley v Jarrow is postponed.",), WRONG, ("ilkley",)),
    Asked(
        ("1 match is postponed: Ilkley v Jarrow.",),
        WRONG,
        ("which matches are postponed",),
    ),
    Asked(("yet to be announced",), WRONG, ("kendal", "when do kendal play")),
    Asked(("At half-time, Marlow and Neath are level at 0–0.",), WRONG, ("marlow",)),
    Asked(("Oban v Penrith was abandoned at 2–2.",), WRONG, ("oban",)),
    Asked(("Quorn v Ripon has the status XYZ, at 1–0.",), WRONG, ("quorn",)),
    Asked(("in the Shire Cup is on now: Marlow 0–0 Neath",), WRONG, ("shire cup",)),
    Asked(
        ("In Acton 2–1 Burton (40′), Burton have 1 red card.",), WRONG, ("red cards",)
    ),
    Asked(
        (
            "3 goals have been scored since 13:30 UTC.",
            "D. Dunn of Burton scored an own goal",
        ),
        WRONG,
        ("goals since 13:30",),
    ),
    Asked(
        ("Ticket 4711 has subject “Printer on fire”, status “open”, priority 2",),
        WRONG,
        ("ticket 4711", "4711", "TICKET #4711", "what about ticket 4711?"),
    ),
    Asked(
        ("Ticket 4711 has status “open”.",),
        ("Printer",),
        ("status of ticket 4711", "ticket 4711 status"),
    ),
    Asked(
        ("Ticket 4711 has priority 2.",), (), ("what is the priority of ticket 4711",)
    ),
    Asked(("Ticket 9999 isn't on the board; 3 tickets are.",), (), ("ticket 9999",)),
    Asked(("2 of the 3 tickets are “open”.",), WRONG, ("how many tickets are open",)),
    Asked(
        ("2 of the 3 tickets are “open”: 4711 and 4713.",),
        WRONG,
        ("open tickets", "TICKETS OPEN?", "which tickets are open"),
    ),
    Asked(
        ("2 of the 3 tickets are not “closed”",),
        WRONG,
        ("which tickets are not closed",),
    ),
    Asked(
        ("None of the 3 tickets is “urgent”.",), WRONG, ("which tickets are urgent",)
    ),
    Asked(("3 tickets are on the board",), WRONG, ("tickets", "how many tickets")),
    Asked(
        ("2 of the 3 servers are “down”: db-1 and web-2.",),
        WRONG,
        ("which servers are down", "servers down"),
    ),
    Asked(
        ("Server web-1 has status “up”, load 0.93 and tags “eu” and “blue”.",),
        WRONG,
        ("server web-1", "is web-1 up"),
    ),
    Asked(("Server web-1 has load 0.93.",), WRONG, ("load of web-1",)),
    Asked(("Agent Mia is “on a call”.",), WRONG, ("agent mia", "Mia")),
    Asked(("1 of the 2 agents is “free”: Tom.",), WRONG, ("which agents are free",)),
    Asked(
        ("Temperature hall-2 has celsius 21.5.",),
        WRONG,
        ("temperature hall-2", "temperature", "how hot is hall-2"),
    ),
    Asked(("Queue waiting is 12.",), WRONG, ("queue", "how long is the queue")),
    Asked(
        (
            "A warning published at 14:01 UTC says “Early close today”",
            "until 15:04 UTC",
        ),
        WRONG,
        ("notices", "early close", "what does the warning say", "any warnings?"),
    ),
    Asked(
        ("ICE is open until 15:34 UTC, for another 90 minutes",),
        WRONG,
        ("is ICE open",),
    ),
    Asked(("The market COMEX is halted.",), WRONG, ("is comex open",)),
    Asked(
        ("1 is up and 1 is down; the change of 3 isn't known", "3 tickets, 3 servers"),
        WRONG,
        ("overview", "what types are there"),
    ),
    Asked(
        ("in the last 5 minutes", "New or changed are tickets 4713, 4712 and 4711"),
        WRONG,
        ("what changed in the last 5 minutes",),
    ),
    Asked(("“widgets” isn't on the board",), (), ("how many widgets are there",)),
)
