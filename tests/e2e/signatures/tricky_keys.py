"""Object keys that encoders, signers, URL parsers and servers often get wrong.

S3 accepts all of them, and the function signs links to all of them: none has a "." or ".." path segment.
"""

import unicodedata

PREFIX = "private-files/"

# Every ASCII character in the middle of a name, except NUL, which the test server can't store.
ASCII = [f"a{chr(code)}b" for code in range(1, 128)]

# Characters at the start and at the end of a name, where some parsers remove them.
EDGES = [edge for character in " \t\n/.+%~" for edge in (f"{character}a", f"a{character}", f"a/{character}a")]

ENCODED = [
    "%2F", "%2f", "a%2Fb", "a%252Fb", "%", "%%", "%zz", "%0", "%00", "%E2%82", "%C3%A9", "a%20b", "a+b c%2Bd",
    "&amp;", "&#38;",
]  # fmt: skip

PATHS = [
    "a//b", "a///b", "//a", "a//", "/", "//", "a/b/", "...", ".../a", "a/...", ".hidden", "a/.hidden", "a.", "a..",
    "a./b", "~", "~/a", "C:\\a\\b", "\\\\host\\share", "a:b", "s3://b/k", "https://example.com/a?b=c#d",
]  # fmt: skip

LIKE_A_QUERY = [
    "?", "a?b=c", "a?X-Amz-Expires=604800", "a&X-Amz-Date=0", "#", "a#b", "a=b&c=d", "a;b", "a,b", "?versionId=null",
    "?x-link-id=1", "&response-content-type=text/html",
]  # fmt: skip

# The same letter in several encodings, and characters that look like dots and slashes but are others.
UNICODE = [
    "Résumé 2026.pdf", unicodedata.normalize("NFD", "Résumé 2026.pdf"), "Ångström", "Å", "A\u030a", "\u212b",
    "naïve café", "Straße", "ŒUVRE", "İstanbul", "ıI", "Ελληνικά", "Кириллица", "עברית", "العربية", "हिन्दी", "ไทย",
    "日本語", "中文/文件", "한국어", unicodedata.normalize("NFD", "한국어"), "🦀", "👩‍👩‍👧‍👦", "🇺🇳", "✂️", "𝕊𝟛", "\U0010fffd",
    "\u00a0", "\u00ad", "\u0085", "\u200b", "\u200d", "\u200e", "\u202e", "\u2028", "\u2029", "\u2066", "\ufeff",
    "\ufffd", "\ufffe", "\uffff", "\ue000", "\ud7ff", "\u3002", "．．", "／", "\u2024\u2024", "∕",
    "a\u0300\u0301\u0302\u0303b", "\u1e9e", "ﬀ", "①",
]  # fmt: skip

LONG = [
    "a" * (1024 - len(PREFIX)),
    " " * (1024 - len(PREFIX)),
    "/".join(["ab"] * 336),
    "日" * 336,
    "🦀" * 252,
    "%" * (1024 - len(PREFIX)),
    "x/" * 505,
]

WORDS = [
    "null", "undefined", "index.html", "favicon.ico", "robots.txt", "soap", "0", "-", "_", "'; DROP TABLE",
    "<script>", "${jndi:x}", "{principal}", "$(id)", "`id`", "a|b", "*", "a*b", "[a]", "(a)", "a@b", "!",
]  # fmt: skip

KEYS = [
    PREFIX + name for name in dict.fromkeys([*ASCII, *EDGES, *ENCODED, *PATHS, *LIKE_A_QUERY, *UNICODE, *LONG, *WORDS])
]
KEYS = [key for key in KEYS if not {".", ".."} & set(key.split("/"))]
