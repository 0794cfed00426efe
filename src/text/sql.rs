//! SQL as tokens, by PostgreSQL's own lexical rules, for highlighting and redaction.
//!
//! Never fails: `pg_stat_activity` cuts statements anywhere, so a string or comment without its end is ordinary.

use squawk_lexer::{LiteralKind, TokenKind};

/// What a token is, as coarse as highlighting needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A word that PostgreSQL's grammar gives a meaning: `SELECT`, `from`.
    Keyword,
    /// Any other name, quoted or not. An unterminated quoted name included.
    Identifier,
    /// A string in any of its spellings: `'…'`, `E'…'`, `U&'…'`, `B'…'`, `$tag$…$tag$`; also unterminated.
    String,
    /// A number, without its sign.
    Number,
    /// `-- …` or `/* … */`, also nested, also unterminated.
    Comment,
    /// Operators, parentheses, commas, dots.
    Operator,
    /// `$1`.
    Parameter,
    /// Blanks and line feeds.
    Whitespace,
    /// A character that has no place in SQL.
    Unknown,
}

/// One token: a slice of the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: Kind,
    /// The text of it, exactly as in the statement.
    pub text: &'a str,
}

/// The tokens of `sql`; joined together they are `sql` again.
pub fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = sql;
    let mut lexed = squawk_lexer::tokenize(sql);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // Should the lexer ever stop early or lose count, what is left is one unknown token rather than lost.
        let (kind, length) =
            lexed.next().map_or((TokenKind::Unknown, 0), |token| (token.kind, token.len as usize));
        let (text, after) =
            rest.split_at_checked(length).filter(|(text, _)| !text.is_empty()).unwrap_or((rest, ""));
        rest = after;
        Some(Token { kind: classify(kind, text), text })
    })
}

fn classify(kind: TokenKind, text: &str) -> Kind {
    match kind {
        TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. } } => Kind::Number,
        TokenKind::Literal { .. } => Kind::String,
        TokenKind::Whitespace => Kind::Whitespace,
        TokenKind::LineComment | TokenKind::BlockComment { .. } => Kind::Comment,
        TokenKind::Ident if is_keyword(text) => Kind::Keyword,
        TokenKind::Ident | TokenKind::QuotedIdent { .. } => Kind::Identifier,
        TokenKind::PositionalParam { .. } => Kind::Parameter,
        TokenKind::Unknown | TokenKind::Eof | TokenKind::Backtick => Kind::Unknown,
        _ => Kind::Operator,
    }
}

/// Whether a word is one of the keywords that statements are made of. Not the whole grammar: a rare word in
/// plain colour misleads nobody.
pub fn is_keyword(word: &str) -> bool {
    const LONGEST: usize = 17;
    let mut lower = [0_u8; LONGEST];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    let lower: &[u8] = lower;
    KEYWORDS.binary_search_by(|keyword| keyword.as_bytes().cmp(lower)).is_ok()
}

/// Sorted, lower case.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "abort", "access", "add", "all", "alter", "analyze", "and", "any", "array", "as", "asc", "at", "begin", "between", "by",
    "call", "cascade", "case", "cast", "check", "checkpoint", "close", "cluster", "collate", "column", "comment", "commit",
    "concurrently", "conflict", "constraint", "copy", "create", "cross", "current", "current_date", "current_time",
    "current_timestamp", "current_user", "cursor", "database", "deallocate", "declare", "default", "deferrable",
    "deferred", "delete", "desc", "discard", "distinct", "do", "drop", "else", "end", "except", "exclusive", "execute",
    "exists", "explain", "extension", "false", "fetch", "filter", "first", "following", "for", "foreign", "from", "full",
    "function", "grant", "group", "having", "if", "ilike", "immediate", "in", "index", "inner", "insert", "intersect",
    "interval", "into", "is", "isolation", "join", "key", "last", "lateral", "leading", "left", "level", "like", "limit",
    "listen", "local", "localtimestamp", "lock", "locked", "matched", "materialized", "merge", "mode", "move", "natural",
    "next", "no", "not", "nothing", "notify", "nowait", "null", "nulls", "of", "offset", "on", "only", "or", "order",
    "outer", "over", "partition", "preceding", "prepare", "prepared", "primary", "procedure", "range", "read", "recursive",
    "references", "refresh", "reindex", "release", "rename", "reset", "restrict", "returning", "revoke", "right", "role",
    "rollback", "row", "rows", "savepoint", "schema", "select", "sequence", "serializable", "session", "set", "share",
    "show", "similar", "skip", "some", "start", "table", "temporary", "then", "to", "trailing", "transaction", "trigger",
    "true", "truncate", "type", "unbounded", "union", "unique", "unlisten", "update", "user", "using", "vacuum", "values",
    "view", "when", "where", "window", "with", "work", "write",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(sql: &str) -> Vec<(Kind, &str)> {
        tokens(sql).filter(|t| t.kind != Kind::Whitespace).map(|t| (t.kind, t.text)).collect()
    }

    #[test]
    fn each_kind_of_token_is_recognised() {
        use Kind::{Comment, Identifier, Keyword, Number, Operator, Parameter, String};
        assert_eq!(
            kinds(
                "SELECT \"a b\".x, $1 -- why\nfrom t_1 WHERE y>=-1.5e3 AND z = E'it\\'s' /* a /* b */ c */"
            ),
            [
                (Keyword, "SELECT"),
                (Identifier, "\"a b\""),
                (Operator, "."),
                (Identifier, "x"),
                (Operator, ","),
                (Parameter, "$1"),
                (Comment, "-- why"),
                (Keyword, "from"),
                (Identifier, "t_1"),
                (Keyword, "WHERE"),
                (Identifier, "y"),
                (Operator, ">"),
                (Operator, "="),
                (Operator, "-"),
                (Number, "1.5e3"),
                (Keyword, "AND"),
                (Identifier, "z"),
                (Operator, "="),
                (String, "E'it\\'s'"),
                (Comment, "/* a /* b */ c */"),
            ]
        );
    }

    #[test]
    fn a_statement_cut_anywhere_still_has_kinds() {
        for (sql, last) in [
            ("select 'Dianne''s hor", (Kind::String, "'Dianne''s hor")),
            ("select $a$ text $b$ mo", (Kind::String, "$a$ text $b$ mo")),
            ("select 1 /* why /* not */ ", (Kind::Comment, "/* why /* not */ ")),
            ("select \"half a na", (Kind::Identifier, "\"half a na")),
            ("select U&'d\\00", (Kind::String, "U&'d\\00")),
            ("select 漢字", (Kind::Identifier, "漢字")),
        ] {
            assert_eq!(kinds(sql).last(), Some(&last), "{sql}");
        }
    }

    #[test]
    fn keywords_are_sorted_and_fit_the_buffer() {
        assert!(KEYWORDS.is_sorted());
        assert!(KEYWORDS.iter().all(|word| is_keyword(word) && is_keyword(&word.to_uppercase())));
        assert!(!is_keyword("orders") && !is_keyword("") && !is_keyword("a_very_long_identifier_indeed"));
    }

    proptest! {
        #[test]
        fn tokens_joined_are_the_statement_again(raw in any::<Vec<u8>>(), sql in "[a-zE'\"$ \\\\/*\\-0-9.é\n]{0,80}") {
            let odd = String::from_utf8_lossy(&raw).into_owned();
            for text in [odd, sql] {
                prop_assert_eq!(tokens(&text).map(|t| t.text).collect::<String>(), text);
            }
        }
    }
}
