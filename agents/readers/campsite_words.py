"""The patterns by which `campsite` reads natural English: `F`, `W` and `L` stand for food, water and firewood."""

from __future__ import annotations

import re

LETTERS = "FWL"  # food, water, firewood
Rules = tuple[tuple[re.Pattern[str], str], ...]
"""Patterns and what each is replaced by, in order."""


def rules(*table: tuple[str, str]) -> Rules:
    """The table with its patterns compiled."""
    return tuple((re.compile(pattern), by) for pattern, by in table)


def plain(text: str, *tables: Rules) -> str:
    """The text with each pattern of the tables replaced, in order."""
    for table in tables:
        for pattern, by in table:
            text = pattern.sub(by, text)
    return text.strip()


# fmt: off
_OF = r"(?: of| from)?(?: (?:the|those|these|that|your|my|our|its|them|it))*"
_ALL = (
    rf"(?:(?:all|(?:each and )?every)(?: (?:bit|drop|last|single|stick|piece|1|scrap))*{_OF}(?: 3)?|the (?:whole"
     rf"|full|entire|lot|3)(?: 3)?{_OF}|both)"
)
PLAIN = rules(
    (r"[’`]", "'"), (r"[–—]| - ", " , "), (r"\s+", " "), (r"\b(?:u|ya|yous|you (?:lot|guys|all|folks))\b",
    "you"), (r"\b(?:ur|youre)\b", "your"), (r"\burs\b", "yours"),
    (r"\b(i|we|you|they|that|what|it)(?:(?<=i)(m|d|ll|ve)|(?<=what)(s)|(?<=that)(s))\b", r"\1'\2\3\4"),
    (r"\bda\b", "the"), (r"\bn\b|&|\+", " and "), (r"\b4 (?=me\b|us\b|you\b)", "for "),
    (r"\bgimme\b", "give me"), (r"\blemme\b", "let me"), (r"\b(do|ca|wo|is|are|did)nt\b", r"\1n't"),
    (r"\b(that|this|which|no|any|every|old|next|good)[ -]?one\b", r"\1"), (r"\bone of us\b",
    "someone"),
    (r"\b1st\b", "first"), (r"\b2nd\b", "second"), (r"\b3rd\b", "third"),
    *((rf"\b{word}s?\b", str(n)) for n, word in enumerate("zero one two three four five six seven eight nine".split())),
    (r"\bnil\b", "0"), (r"\b(?:an? |the )?(?:single|lone|solitary)\b(?: 1)?", "1"),
    (r"\b(?:an? )?(?:couple|pair)\b", "2"), (r"\bnothing to (?=drink|eat|burn)\b", "no something to "),
    (r"\b(?:fire[ -]?wood|wood|(?:fire ?)?log|timber|woodpile|kindling|fuel|(?:camp)?fire|madera|(?:some"
     r"|any)thing to burn)s?\b", "L"),
    (r"\b(?:(?:drinking )?water|drink|drinking|h2o|agua|jug|liquid|fluid|hydration|bottles(?! of)|(?:some"
     r"|any)thing to (?:drink|wash))s?\b", "W"),
    (r"\b(?:food|meal|grub|snack|eat|eatable|edible|provision|ration|chop|tucker|ingredient|munchie|foodstuff|eating"
     r"|scran|nosh|comida|grocerie|supper|dinner|breakfast|lunch|(?:some|any)thing to (?:eat|cook))s?\b",
    "F"),
    (rf"\b(?:pack|package|bundle|bottle|unit|lot|item|piece|load|portion|crate|bag|box)(?:e?s)?{_OF} (?=[FWL]\b)",
    ""), (r"([FWL])[- ](?:pack|package|bundle|bottle|unit|suppl)(?:s|y|ies)?\b", r"\1"), (r" +",
    " "),
)
COUNTED = rules(
    (r"\bnone(?: of (?:that|it|those|them))?\b(?! of)", "0"), (r"\b(\d)-\d (?=(?:to|for) )",
    r"\1 "), (r"([FWL])(?:'s| is| are|,)? \(?all\b(?: 3)?\)?(?= (?:mine|yours|for|to)\b|[.,)]|$)",
    r"3 \1"),
    (r"\b(\d)[-, /]+(\d)[-, /]+(\d)\b(?! (?:[FWL]|of|each))", r"\1 F \2 W \3 L"), (r"\b(?:off|from) (?:you|me)\b",
    ""), (r"\b(?:instead of|rather than|not) \d\b(?! [FWL])", ""),
    (r"\b(?:every(?:thing)? (?:else|other)|(?:the )?rest|(?:the )?others?(?: things?)?"
     r"|[FWL](?: and [FWL])?)(?: \w+){0,3} (?:the same|same|as you|as before|like you|like before|unchanged|as (?:it"
     r"|they)|how you|as is|stands?)\b", "same"),
    (rf"\b{_ALL} ([FWL]),? and (?:{_ALL} |the )?([FWL])", r"3 \1 and 3 \2"), (rf"\b{_ALL} ([FWL])", r"3 \1"),
    (r"([FWL]),? (?:all(?: (?:of (?:it|them|that)|3))?(?! \d| (?:\w+ )?[FWL])|(?:in its )?entire(?:ly|ty)|in full"
     r"|completely?|outright|the (?:whole )?lot|undivided|every (?:bit|drop|stick|last)\w*)\b",
    r"3 \1"),
    (rf"\b(?:no|not any|none{_OF}|without(?: any)?|neither|nor)\b (?:at all )?([FWL])", r"0 \1"),
    (r"\b(\d) (?:of )?each (?:of )?(?:the )?([FWL]),? (?:and|or) (?:the )?([FWL])|\b(\d) (?:for "
     r"|of )?(?:the )?([FWL]),? and (?:the )?([FWL]) each", r"\1\4 \2\5 and \1\4 \3\6"),
    (rf"\b(?:the )?(?:other|remaining|leftover)? ?(\d)(?: (?:other|remaining))?{_OF}(?: \d)? ([FWL])",
    r" \1 \2"), (r"\ban? ([FWL])", r"1 \1"), (r" +", " "),
)
RELATIVE = rules(
    (r"\b(?:swap|trade|exchange|switch)\w*(?: of| my| the)* (\d )?([FWL]) (?:for|with|against)(?: of| your| the"
     r"|(?= \d of))*( \d)?(?: of your| more)?(?: \d)? ([FWL])", r"i give you \1 more \2 , i get \3 more \4"),
    (r"\b(?:(?:move|shift) )?(\d) ([FWL]) from your \w+(?: to mine| to me)?", r"i get \1 more \2 ,"),
    (r"\b(?:(?:move|shift) )?(\d) ([FWL]) from (?:mine|my \w+)(?: to yours?)?(?: \w+)?",
     r"i give you \1 more \2 ,"),
    (r"\b(?:another|an? (?:extra|additional|more|further)|(?:the|that|your|this|those) (?:last|remaining"
     r"|final))(?: 1)? ([FWL])", r"1 more \1"),
    (r"\b(\d) (?:extra|additional|further|more of (?:the|your)|of (?:my|your|those|these|them)(?: \d)?) ([FWL])",
    r"\1 more \2"), (r"\b(\d) ([FWL]) (?:more|extra|on top)\b", r"\1 more \2"),
    (r"\b(\d) (?:fewer|less of the) ([FWL])", r"\1 less \2"), (r"\b(\d) ([FWL]) (?:fewer|less)\b",
    r"\1 less \2"), (r"\b(?:my|your|that|those) (\d) ([FWL])", r"\1 more \2"), (r"\b(?:my|your) ([FWL])",
    r"3 \1"),
    (r"\bthat ([FWL])", r"1 more \1"), (r"\b(?:an? |1 )?([FWL])((?: \w+){0,3}) back\b", r"1 more \1\2"),
    (r"more  +|  +", " "),
)
_US = r"(?:me|us|myself|ourselves|(?:my|our) (?![\dFWL])(?:own )?\w+)"
_THEM = r"(?:you|yourself|yourselves|your (?![\dFWL])(?:good |own )?\w+|the other (?:camper|person|side))"
_VERB = r"(?:take|have|keep|get|grab|enjoy|receive|claim|hang on|hold|help yourself|bag)"
TOKENS = {
    "stop": r"[.;!?]+(?:\s|$)", "colon": r"[:(]", "pause": r"[,)/]|\band\b", "break": r"\b(?:as long as|while"
     r"|whereas|provided|if|but|with|since|because|so)\b",
    "change": r"\b(?P<of>\d) (?P<way>more|less) (?P<what>[FWL])\b", "except": r"\b(?:everything|all"
     r"|the lot) (?:except|but|bar|apart from|save)(?: for)?\b",
    "each": r"\b\d(?=,? (?:(?:to|for) \w+ )?(?:of |on |from )?(?:each\b|everything|apiece|all 3|the 3|both\b|either"
     r"|every\b|the other))",
    "rest": r"\b(?:the|all the) rest\b|\b(?:what|all that|whatever|any that)(?:'?s| is| was| you have)? (?:left|over"
     r"|remain)\w*|\bleftovers?\b|\bremainder\b|\bremaining(?: \d)?\b|\b(?:every|any)thing (?:else|besides|other)"
     r"|\bbalance\b|\bthe others?(?: \d)?\b|\bevery other\b|\b(?:all|any) others?\b|(?:^|(?<=[,.;!?] ))rest\b",
    "item": r"\b(?P<n>\d) (?P<i>[FWL])\b|\b(?P<i2>[FWL]):? (?P<n2>\d)(?![ -]\w* ?[FWL]| of\b|-\d)",
    "issue": r"\b[FWL]\b", "number": r"\b\d\b",
    "give": rf"\b(?:giv|leav|lett?|hand|pass|offer|spar|grant|gift)(?:e|ing)?s?\b(?: (?:up|over"
     rf"|back)\b)?(?: (?P<to>(?P<to_us>{_US})|{_THEM})\b)?|\b(?:forgo|skip|part with|throw in)\b",
    "i_am": rf"\b(?:i|we)\b(?:'\w+)?|\bmy (?:taking|keeping|having)\b|\b(?:my|our) \w+(?= (?:{_VERB}|got|takes|gets"
     rf"|needs?|has|had|could|would|wants?)\b)|\b(?:for|to) {_US} (?:to|stays?)\b",
    "you_are": rf"\byou(?:'\w+| (?:can|could|would|should|may|might|will|just)\b|r (?:taking|keeping|having)\b)"
     rf"|\byou(?= (?:\w+ )?(?:{_VERB}|give|hand|leave|let|pass|throw|offer|spare))|\bother camper",
    "flex_me": rf"\b(?:(?:for|to|on|in|with|at|by) )?(?:{_US}|mine)\b", "flex_you": rf"\b(?:(?:for|to|on|in|with|at"
     rf"|by) )?(?:{_THEM}|yours)\b",
    "imperative": r"(?:(?<=[.;!?,:] )|(?<=^)|(?<=so )|(?<=do )|(?<=then )|(?<=please ))(?:take|have|keep|enjoy|grab"
     r"|help yourself)\b", "not": r"\b(?:not|never|hardly)\b|\w+n't\b",
}
TOKEN = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in TOKENS.items()))
ITEMS = ("change", "except", "each", "rest", "item", "issue", "number")
OWNERS = ("give", "i_am", "you_are", "flex_me", "flex_you", "imperative")
VAGUE = re.compile(r"\b(?:divid\w+|(?:fair|even)ly|half|halves|some(?: of|thing)?|most of|larger|bigger|smaller"
    r"|at least|or so|later|decide|depends|whatever(?! ?(?:'?s|is|was|you))|more of|less of|(?:bit|lot|little) more"
    r"|maybe|we(?:'ll|'d)?(?: \w+)?(?: \w+)? (?:split|see|share|figure|sort|discuss|talk|each|both|divide|settle))\b")
CLOSED = re.compile(r"\b(?:nothing (?:else|more|besides)|that(?:'s|s| is|'d be| would be) (?:it|all|enough|plenty"
    r"|everything|my whole|me)|no more)\b")
SAME = re.compile(r"\b(?:same|instead|but|if|deal|make it|more|less|swap|exchange|rather|back|before|offer|counter"
    r"|were|your proposal|then)\b")
FLIP = re.compile(r"\b(?:flip|other way (?:a?round|about)|reverse|vice versa|swap (?:piles|sides|it|them|shares"
    r"|places))\b")
CONDITION = re.compile(r"\b(?:if(?! that)|as long as|provided|on condition|unless|only when|but|except|once)\b|\?\s*$")
CUES = tuple((kind, sure, re.compile(cues)) for kind, sure, cues in (
    ("walk", 0.8, r"\b(?:walk(?:ing)? (?:out|away|off)|(?:i|we)(?:'?m|'?re| am| are) (?:out|off|gone|done|leaving"
     r"|finished|through)\b(?! of)|(?:good)?bye|good ?night|part (?:ways|company)|cheerio|farewell|so long|adios"
     r"|peace out|call\w* (?:it|this) (?:a day|quits|off|a night)|(?:end|conclud|terminat|clos)\w* (?:it|this|the"
     r"|here|our|these|my)\b"
     r"|(?:withdraw|retir|exit|step|bow|back|pull|opt|drop)\w* (?:from (?:the|this|these)|away|out)\b|(?:stop"
      r"|abandon|quit|leav|break)\w* (?:off )?(?:the |this |these |our )?(?:negotiat|talk|discuss|table|now|typing"
      r"|conversation|there|here|without)\w*|no (?:more|further) (?:talk|offer|point|discuss|negotiat)\w*"
      r"|no longer see|no point|(?:forget|drop) (?:it|the whole|all|about)|cut my losses|left the table|5 points"
     r"|(?:my|our) own(?! \w+ing)|by (?:myself|ourselves)|(?:go|do|manage) (?:it )?(?:alone|without)|separate ways"
      r"|without (?:an?|any) (?:deal|agreement)|some(?:one|body) else|(?:another|other) (?:people|person|camp\w*"
      r"|pitch|group)|elsewhere|neighbou?rs|(?:take|try) (?:my|our) (?:chances|luck)|see (?:ya|you)\b|not worth"
      r"|good luck|all the best|take care|(?:i|we) (?:give up|quit)\b(?! the| \d| a| my)|rather than continue"
     r"|waste? of time|wasting|had (?:enough|it)|nowhere|in circles|agree to disagree|done (?:talking|here"
      r"|negotiating|with)|leave (?:this|it) (?:matter|there|here|be|at)|i(?:'ll| will) (?:go|leave)\b|(?:cannot"
      r"|can't|won't) (?:have|reach|find|come to) (?:an? )?(?:agreement|deal))"),
    ("talk", 0.6, r"\b(?:think (?:about|it over|on it)|let me (?:think|check|ask|see)|thinking|idk|hm+|not sure"
     r"|unsure|might|consider(?! it)|(?:a )?(?:moment|minute|sec|second)|weigh(?! ?ed)|tempting|need (?:some )?time"
     r"|get back|sleep on it|(?:ask|check with|talk to) my|mull|hang on|hold on|undecided|maybe|perhaps"
     r"|in two minds)\b"),
    ("accept", 0.8, r"(?<!not )(?<!n't )\b(?:i'm in\b|we're in\b|count (?:me|us) in|i accept|i agree|it's a deal"
     r"|got (?:yourself )?a deal|^\W*deal\b|(?:let's|we can) (?:do|make|shake|go|call it)|i sign|consider it|you win"
     r"|take (?:it|that)\b|go(?:ing)? (?:along|ahead|for it)|say yes|yes please|settled|sold|works for|shak\w+"
     r"|official"
     r"|no (?:problem|objection|complaint|issue|worries|notes|change|quibble|argument|need to)s?\b|(?:can't|couldn't"
      r"|won't|wouldn't|don't) (?:argue|complain|say no|fault|object|ask for|have asked|change|be better|hear)"
      r"|(?:fool|mad|crazy|silly) (?:not )?to|nothing (?:i would|i'd|to) (?:change|add)|why not|on board"
      r"|full agreement|binding|live with (?:that|it|this)|(?:that|it)(?:'ll| will) do|twist my arm|pack it up)"),
    ("reject", 0.7, r"\b(?:no|nope|nah|naw|pass|declin\w+|turn\w* (?:it|that|this|you) down|reject\w*|refus\w+|not"
     r"|never|un(?:fair|acceptable|able|workable|reasonable|even|balanced)|falls? short|(?:far )?too (?:few|little"
     r"|low|much|greedy|many)|sorry|unfortunately|regret\w*|afraid|sadly|laugh\w*|sooner|leav(?:es|ing) (?:me|us|my"
     r"|our)|\w+n't\b|cannot|cant|wont|insult\w*|jok\w+|ridiculous|greedy|robbery|nowhere near"
     r"|(?:try|think) (?:again|harder)|do better|dream on|out of the question|hardly|barely|starve|freeze"
      r"|drawing board)\b"),
    ("accept", 0.6, r"\b(?:deal|accept\w*|agree\w*|ye[sp]+|ye?ah?|yup|sure|ok(?:ay)?|k|al(?:l )?right|sounds? \w+"
     r"|works?|fine|happy|done|sign|perfect|snap|suits?|got it|great|lovely|good|gladly|fair|let's|reasonable"
     r"|brilliant|absolutely|certainly|definitely|of course|by all means|very well|excellent|wonderful|ideal"
     r"|thank\w*|cheers|bargain|generous|delighted|pleased|win-win|exactly)\b|👍|🤝"),
))
FELT = rules(
    (r"\b(?:hunger|hungry|starv\w+|famished|peckish|bread|crust|feed(?:ing)?|fed|belly|bellies|stomachs?|pantry"
     r"|fridge|hampers?|calories|beans|steaks?|sandwiches|pizzas?|cereal\w*|tins|pasta)\b", "F"),
    (r"\b(?:thirst\w*|(?:de|re)?hydrat\w*|parched|flasks?|bottles?)\b", "W"),
    (r"\b(?:a|the|our) (?:tap|pump|stream|river|spring|lake|filter)\b", "W nearby"),
    (r"\b(?:cold|colder|freez\w+|warm\w*|heat(?:ing|ed)?|shiver\w*|hypothermia|chill\w*|burning)\b",
    "L"), (r"([FWL]) (?:of|for|from)? ?(?:the )?\1", r"\1"),
)
_RANK = r"(?:(?:number|no\.?|tier|line|place|rank|priority|at|#|the|position) {}\b)"
_NO = (
    r"\b(?:(?:do|does|did|is|are|was|would|could|can|will|need|has|have|'s)(?:n't| not)|not|no|never|hardly|barely"
     r"|scarcely|neither)"
)
LEVELS = tuple((level, weight, re.compile(cues)) for level, weight, cues in (
    (5, 3, r"\b(?:not|neither) (?:the |my )?(?:last|least|first|most|greatest|smallest|top)\b.*\b(?:not|nor) (?:the "
     r"|my )?(?:last|least|first|most|greatest|smallest|top)\b"), (5, 2,
     r"\b(?:not|isn't|neither) (?:the |my |our )?(?:first|most|greatest|top)\b"),
    (9, 3, r"\b(?:give up|drop|let go|lose|part with|spare|go without)\b.*\b(?:last|least)\b|\blast\b.*\b(?:give up"
     r"|drop|lose|part with)|\bnot (?:at all )?flexible"),
    (0, 3, r"\b(?:give up|drop|let go|lose|part with|spare|do without|flexible)\b.*\b(?:first|most|easily|easy)\b"
     r"|\b(?:first|most|most easily)\b.*\b(?:give up|drop|do without|spare)\b"),
    (0, 3, rf"\b(?:last|least|lowest|bottom|third(?:ly)?|{_RANK.format(3)}|smallest|tail|worst|bronze|loser"
     rf"|ends? with|end of (?:my|our|the) list|afterthought)\b"),
    (5, 3, rf"\b(?:second(?:ly|ary)?|{_RANK.format(2)}|next(?! to)|middle|cent(?:er|re)|(?:in[- ])?between"
     rf"|runner[- ]up|silver|halfway)\b"),
    (9, 3, rf"\b(?:first(?:ly)?|{_RANK.format(1)}|most|top(?:s|most|ped)?(?! of that)|main(?:ly)?|priorit\w+"
     rf"|above all|(?:before|over|than|above) (?:all|anything|everything)|greatest|biggest|chief\w*|foremost"
     rf"|paramount|gold|winner|lead\w*|summit|(?:start|begin)s? with|nothing beats)\b"),
    (9, 2, r"\b(?:can(?:'t|not)|couldn't|could not) (?:\w+ )?(?:skip|do|go|live|manage|spare|mess|cope|survive"
     r"|afford|lose|be)\b|non-negotiable|not optional|\b(?:have|has|got|brought) (?:0|no)\b|next to no\w*|(?:do|have"
     r"|did|has)(?:n't| not) (?:\w+ )?(?:have|got|any|brought)\b|\b(?:ran|run|running|getting|are|am|'re|'m|clean"
     r"|all|completely|nearly|almost|'s|is) (?:out|low|short)\b"
     r"|\b(?:forgot\w*|spilled|stole|empty|bare|dry|broke|hole|leak\w*|lack|(?<!do )without(?: enough| any)? [FWL])\b"),
    (5, 2, r"\b(?:some|a bit|bit of|a little|a few|moderate|modest|less flexible|somewhat|small need|have 1)\b(?! in)"),
    (1, 2, rf"{_NO} (?:\w+ ){{0,2}}?(?:need\w*|want|care|bother\w*|require\w*|issue|problem|matter|importan\w+"
     rf"|urgent|worr\w+|concern\w*|much|after|short|[FWL]|affect|lack|miss|any|really|fuss\w*|interest\w*|priority"
     rf"|all|lot|notice)\b"
     r"|\b(?:plenty|enough|loads|lots of|tons|heaps|in spades|surplus|abundan\w+|swimming|overflow\w*|overstuffed"
      r"|(?:all|we're|i'm|already|am|are|is) (?:set|covered|sorted|good|stocked)|well[- ]stocked|to spare|spare\b"
      r"|optional|negligible|skip\w*|nearby|ample|unused|(?:give|giv\w+) (?:\w+ )?(?:up|away)|(?:do|manage|cope|live"
      r"|get by|go) (?:\w+ )?without|whatever|meh|nah|no+\b|unimportant|luxury|joke|couldn't care|could care"
      r"|take or leave|indifferent|barely|hardly"
     r"|in stock|none|laugh\w*|neither here|(?:we|i)(?:'ve| have)(?! to| told| need)|brought|packed|caught|full of"
      r"|doesn't matter|never mind|nothing|low|easily|keep your|ban(?:ned)?|forbidden|irrelevant|trivial|unnecessary"
      r"|minor|marginal|(?:just|only|mainly) for|flexible)\b"),
    (5, 2, r"\b(?:then|after(?:wards| that| it)?|later|medium|follow\w*|bit|nice|handy|useful|helpful|welcome"
     r"|desirable|failing|small|little|close|good to have|appreciate\w*|okay?|less (?:so|urgent|important)|ask for"
     r"|cool|sting|sorry|too|also|as well|sometimes|bonus|decent|wouldn't mind|wouldn't (?:hurt|say no))\b"),
    (9, 2, r"\b(?:key|crucial|critical|vital|essential|indispensable|must|desperate\w*|badly|a lot|urgent\w*"
     r"|high(?:est)?|life|please|pls|worr\w+|crisis|best|strong\w*|big|really|all about|many|scares?|vastly|alive"
     r"|pressing|overriding|vulnerable|struggl\w+|suffer\w*|fight|lost|break|precious|definitely|dire|precedence"
     r"|heart|dying|desire|came? for|crav\w+|give (?:me|us)|yes|matters|W W|F F|L L)\b|!!"),
    (8, 1, r"\b(?:need\w*|want|like|love|so|very)\b"),
))
EDGES = tuple((more, re.compile(pattern)) for more, pattern in (
    (True, r"([FWL])[^.;,]{0,30}?\b(?:more|over|before|above|ahead of|outranks?|beats?|greater|bigger|rather than"
     r"|trumps?|tops|outweighs?|sooner than)\b(?! (?:importan|urgen|need))[^.;,]{0,25}?\b([FWL])\b"), (True,
    r"\b(?:more|rather|sooner)\b[^.;]{0,25}?\b([FWL])\b[^.;]{0,25}?\bthan\b[^.;,]{0,30}?\b([FWL])\b"),
    (True, r"([FWL])[^.;,]{0,20}\bmore (?:importan\w+|urgent\w*"
     r"|needed)\b[^.;,]{0,15}\bthan\b[^.;,]{0,25}?\b([FWL])\b"), (False, r"([FWL])[^.;,]{0,30}?\b(?:less|below"
     r"|behind|beneath|under|lower|smaller)\b[^.;,]{0,25}?\b([FWL])\b"), (True, r"([FWL])\W*>+\W*([FWL])"),
))
NOT_OWN = re.compile(r"\bas an ai\b|language model|\bif (?:it|we) were\b|\bwere (?:we|i|it)\b|\bdepends\b"
    r"|\b(?:sister|brother|neighbour|neighbor|friend|ex|guide)s?\b[^.]{0,25}\b(?:need|want|rank|cry)|\bjudge\b"
    r"|\[issue|\b(?:all|each|every one|everything|any) (?:of (?:the|them|these) )?(?:3 )?(?:are |is "
    r"|of them )?(?:equal|important|matter|the same|would help)|(?<!n't )\bequal(?:ly)?\b(?! so)|toss-up|\bundecided"
    r"|\bno idea"
    r"|\b(?:can't|couldn't|cannot|hard to|haven't|not) (?:\w+ )?(?:tell you|say which|choose|decided?|rank|made up"
     r"|worked)|keep changing|make a case|^\W*(?:so )?(?:you|did you|do you|if i've understood"
     r"|which do you)\b(?![^.]*\b(?:i|we|my|our|us)\b)")
SEGMENT = re.compile(r"[.;?\n()]+|!(?!!)|(?<!!)!|,|\b(?:and|but|while|whereas|although|though|since|because|as we"
    r"|leaving|even if)\b|(?=\b(?:then|followed by|after that|next|failing that)\b)")
LIST = re.compile(r"([FWL])(?:\W|then|and|next|followed by|after that)*([FWL])(?:\W|then|and|next|last(?:ly)?"
    r"|finally|followed by|after that)*([FWL])\b")
RANKED = re.compile(r"\b(?:order\w*|rank\w*|priorit\w+|list|descending|decreasing|increasing|done|then|next"
    r"|followed)\b|>")
UPWARDS = re.compile(r"\b(?:increasing|ascending|upwards?|backwards|least (?:to|first|needed|important)|lowest (?:to"
    r"|first)|from (?:the )?(?:least|bottom))\b")
NUMBERED = (re.compile(r"\b(?P<n>[123])\W{1,3}(?P<i>[FWL])\b"), re.compile(r"\b(?P<i>[FWL])\W{1,4}(?:is "
    r"|number )*(?P<n>[123])\b"))
# fmt: on
