"""Cues: the words that show the subject of a question.

A cue is a list of phrases, separated by `|`, which are looked for among the words of a
question (`feed/answers/words.py`). A question has several cues; the rules in
`feed/answers/rules.py` say which combination means what.
"""

import re

CUES: dict[str, str] = {
    # manners
    "greeting": "hello|how are you|hi|hey|hiya|howdy|greetings|good morning"
    "|good afternoon|good evening|good day",
    "thanks": "thanks|thank you|thank u|thx|ty|tysm|cheers|much appreciated|ta",
    "farewell": "bye|goodbye|good night|see you|cya|farewell",
    "praise": "great|nice|cool|awesome|perfect|brilliant|well done|good job"
    "|lovely|ok|okay|fine|wow",
    "help": "help|what can you|what can i ask|what can i say|what do you know"
    "|what questions|how does this work|how do i use|how do i ask|commands|examples"
    "|instructions|what else can|what should i ask|what to ask",
    "identity": "who are you|what are you|are you ai|are you an|are you a"
    "|are you human|are you real|your name|who made you|which model|what model",
    "hour": "what time is it|current time|time now|the time",
    # what the board doesn't say
    "advice": "should i|should we|shall i|buy|sell|invest|recommend"
    "|recommendation|advice|advise|worth buying|good investment|good time to|bet|bets"
    "|odds|tip|tips|hold or",
    "forecast": "predict|prediction|predictions|forecast|forecasts|tomorrow"
    "|next week|next month|next year|going to rise|going to fall|going to win"
    "|going to be|going up|who will|will win|will rise|will fall|will go|will it"
    "|expected",
    # prices
    "price": "price|prices|priced|quote|quotes|trading at|trades at|trade at"
    "|worth|cost|costs|value|share price|how much|px|quoted|last price|last trade",
    "doing": "how|doing|doin|performing|going|faring|looking|do|does|did",
    "stock": "stock|stocks|share|shares|symbol|symbols|company|companies|ticker"
    "|tickers|equity|equities|firm|firms|securities",
    "high": "high|highs|highest|peak|maximum|max|top price|session high|day high",
    "low": "low|lows|lowest|minimum|min price|bottom price|session low|day low|trough",
    "range": "range|high and low|highs and lows|high low|hi lo|low and high|stats"
    "|statistics|details|figures|in detail|everything",
    "day": "day|today|todays|session|so far",
    "volume": "volume|vol|turnover|shares traded|volumes|how many shares|traded",
    "open_price": "opening price|open price|opened|open at|opening|the open|open",
    "previous_close": "previous close|prev close|last close|yesterdays close"
    "|closing price|closed at|yesterday|previous session|close yesterday|close|closed"
    "|closes",
    "bid": "bid|bids|ask price|offer|spread|bid ask|buyers|sellers|bid and ask",
    "change": "change|changed|chg|move|moved|movement|difference|percent"
    "|percentage|pct|gain|loss|up|down|rise|rose|risen|fall|fell|fallen|gained|lost"
    "|drop|dropped",
    "currency": "currency|in euros|in dollars|which money|denominated",
    "about_company": "what is|who is|tell me about|which company|what company"
    "|what sector|which sector|which market|what market|stand for|full name|describe"
    "|info",
    "compare": "compare|compared|comparison|versus|vs|v|or|better|against|between"
    "|difference between|than|worse|relative",
    "dearer": "more expensive|higher price|costs more|cheaper|dearer|pricier"
    "|worth more|less expensive",
    "threshold": "above|below|over|under|more than|less than|at least|at most",
    # rankings
    "riser": "riser|risers|gainer|gainers|winner|winners|rose|risen|rise|rises"
    "|rising|gained|gain|gains|climbed|climbing|jumped|grew|growth|best|soared"
    "|soaring|went up|gone up|going up|biggest increase|top performer|top performers"
    "|hottest|hot|top stock|top stocks|top symbols|outperforming|surged|advanced"
    "|advancers",
    "faller": "faller|fallers|loser|losers|fell|fallen|fall|falls|falling|lost"
    "|loss|losses|dropped|drop|drops|worst|sank|plunged|tanked|tanking|crashed"
    "|went down|gone down|going down|declined|decliners|biggest decrease|bottom"
    "|plummeted|laggards",
    "mover": "mover|movers|moved|changed|biggest move|biggest moves"
    "|biggest change|biggest changes|most volatile|volatile|moving",
    "most": "most|biggest|largest|greatest|best|worst|top|bottom|strongest"
    "|weakest|hardest|more than any|leading|least|sharpest|steepest|furthest|farthest"
    "|leader|leaders|hottest",
    "up": "up|green|positive|higher|in the green|in plus",
    "down": "down|red|negative|lower|in the red|in minus",
    "flat": "unchanged|flat|not moved|havent moved",
    "active": "most active|most traded|highest volume|biggest volume"
    "|largest volume|most volume|busiest|top volume|traded most|trade most"
    "|traded the most",
    "expensive": "most expensive|highest price|highest priced|dearest|priciest"
    "|costs the most|most valuable|worth the most",
    "cheap": "cheapest|lowest price|lowest priced|least expensive|costs the least",
    "top": "top|strongest|leading|leaders",
    "pins": "pins|portfolio|pinned|my stocks|my symbols|my shares|my list|watchlist"
    "|my watchlist|my prices|favourites|favorites|my favourites|my favorites|mine"
    "|my own|my companies",
    "sector": "sector|sectors|industry sectors|industries",
    # the market
    "market": "market|markets|exchange|bourse|stock market|mkt|trading floor",
    "market_hours": "open|opens|opened|close|closes|closed|closing|halted|halt"
    "|trading|hours|until when|how long|till when|shut|shuts|end of trading|status"
    "|session end|session ends|bell",
    # matches
    "match": "match|matches|game|games|fixture|fixtures|football|soccer|tie|ties"
    "|club|clubs|team|teams|league table|league|leagues|competition|competitions",
    "score": "score|scores|scoreline|result|results|winning|leading|lead|leads"
    "|won|win|wins|lost|lose|losing|beat|beaten|draw|drew|drawn|who is ahead|ahead"
    "|final score|play|plays|playing|played|level|stand|stands",
    "minute": "what minute|which minute|minute|how long left|time left|how far"
    "|how long|half|stoppage|added time|injury time",
    "goals": "goal|goals|scored|scorer|scorers|scoring|netted|goalscorer"
    "|goalscorers|own goal|own goals|penalty|penalties|who scored|found the net"
    "|goal scorers|goal scorer",
    "last_goal": "last goal|latest goal|most recent goal|newest goal|last scored"
    "|scored last|last goals|latest goals|recent goals",
    "cards": "card|cards|booked|booking|bookings|sent off|yellow|yellows|reds"
    "|red card|red cards|yellow card|yellow cards|dismissed|sending off|sendings off"
    "|cautioned",
    "subs": "substitution|substitutions|sub|subs|substituted|substitute|went off"
    "|taken off|came off",
    "kick_off": "kick off|kicks off|kickoff|ko|start|starts|started|begin|begins"
    "|began|starting|kicked off|kick offs",
    "halted": "postponed|abandoned|suspended|cancelled|canceled|interrupted",
    "live": "live|now|right now|currently|on now|in play|in progress"
    "|at the moment|under way|underway|on air|ongoing|being played|what is on"
    "|whats on|what on|who is playing|who playing|inplay",
    "next": "next|upcoming|coming|coming up|to come|later|soon|schedule|scheduled"
    "|will play|comes|comes next|yet to|not started|fixtures|fixture list|when do"
    "|when does",
    "over": "over|finished|ended|final|full time|fulltime|results|completed"
    "|earlier|final results|final scores|already played|ft",
    "league": "league|competition|cup|tournament",
    # everything
    "changes": "what changed|what has changed|whats changed|changed|changes"
    "|what happened|what has happened|whats happened|happened|happening|what new"
    "|whats new|anything new|did i miss|have i missed|missed|catch me up|news"
    "|what moved|any changes|since i left|new|updates|update",
    "overview": "overview|summary|summarise|summarize|summarize the board"
    "|brief me|going on|whats up|what up|sup|big picture|round up|roundup|in short"
    "|tldr|tl dr|everything|give me the board|the board|state of play|how are things"
    "|how is everything|how things|types|what types|on the board",
    "notice": "notice|notices|announcement|announcements|alert|alerts|warning"
    "|warnings|bulletin|bulletins",
    "health": "feed|source|data|stream|board|connection|server|system|updates",
    "health_state": "healthy|alive|ok|okay|working|stale|old|fresh|delayed|delay"
    "|lag|lagging|latency|real|realtime|real time|age|up to date|outdated|live|broken"
    "|away|connected|come from|comes from|coming from|simulated|status|trust|accurate"
    "|state|fake|genuine",
    "newest": "last update|latest update|newest event|last event|last updated"
    "|latest event|when was the last|how recent|how old|how fresh|how up to date"
    "|how current|is this live|is this real|is it live|are these real|are these live"
    "|is this data|are prices live|are the prices live|are the prices real|real data"
    "|real prices|are these prices real|are those prices real|is this real",
    "count": "how many|number of|count|how much many|total|no of",
    "list": "list|show|which|what|all|name|names|give me|who|every",
    "when": "when|what time|until when|till when|how long|how soon",
    "why": "why|reason|explain|because",
    "it": "it|its|this|that|he|they|their|them|these|those|this match|this one"
    "|here|this game|the match|the game|this stock|this symbol|there",
    "follows": "and|what about|how about|and what about|also|then|or|same for"
    "|and for|now|so",
}

_STOP = (
    "the a an of in on at for to is are was were be been am has have had do does"
    " did can could would will please pls plz me my i you your we us our me tell"
    " show give get see know want like need let check find say says said quick"
    " quickly just so well any some there here from by with as it its this that"
    " which what who whom whose when where how and or but not no yes than then"
    " about into out up down off over today currently now ever far much many more"
    " most less least very really too also still yet again back last past since ago"
    " per one two s t re ll d m ve wats wat whats hows wheres whos howz gimme lemme"
    " kindly would sir dear board boards current latest until till utc gmt am pm"
    " time minutes minute mins min hours hour seconds second day days today"
    " yesterday etc right going doin gonna wanna happening between number anything"
    " something everything thing things look looks like ask question answer players"
    " player actual actually exactly during each every other others first it s half"
    " recent eur usd euro euros dollars u r ur im id ive dont doesnt isnt arent"
    " hasnt havent didnt wont cant moment much though only both either all if"
    " because make made take put possible available present around lot"
)


def _compiled(phrases: str) -> re.Pattern[str]:
    return re.compile(rf" (?:{phrases})(?= )")


_PATTERNS = {cue: _compiled(phrases) for cue, phrases in CUES.items()}

VOCABULARY = frozenset(
    {*_STOP.split(), *" ".join(CUES.values()).replace("|", " ").split()}
)
"""Words with a meaning of their own, which can't be misspelt names."""
SPELLINGS = tuple(sorted(VOCABULARY))
"""The same in one order, so that of two words that are equally near one is chosen."""


def find_cues(words: str) -> frozenset[str]:
    """Return the cues in the words of a question, which have one space between them."""
    text = f" {words} "
    return frozenset(cue for cue, it in _PATTERNS.items() if it.search(text))
