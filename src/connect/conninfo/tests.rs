//! Tables: what is written, what is understood.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::model::secret::ExposeSecret as _;

fn nobody() -> Environment {
    Environment::empty().with_user("ann")
}

fn understood(dsn: &str) -> Conninfo {
    Conninfo::resolve(dsn, &nobody()).unwrap_or_else(|error| panic!("{dsn}: {error}")).0
}

/// Everything that matters, on one line.
fn shown(info: &Conninfo) -> String {
    let password = info.secrets.given.as_ref().map_or("-", |password| password.expose_secret());
    format!("{} {} {password}", info.user, info.endpoint())
}

#[test]
fn a_keyword_string_stays_one_whatever_its_values_look_like() {
    let dsn = "host=db1 user=app dbname='x://y'";
    assert_eq!(shown(&understood(dsn)), "app db1:5432/x://y -");
    assert_eq!(DsnKind::of(dsn).unwrap(), DsnKind::Postgres);
}

#[test]
fn addresses_and_keyword_strings_say_the_same() {
    for (dsn, expected) in [
        ("", "ann localhost:5432/ann -"),
        ("postgres://", "ann localhost:5432/ann -"),
        ("postgresql://bob@db1", "bob db1:5432/bob -"),
        ("postgres://bob:s%40f%2Fe%3A@db1:6000/shop", "bob db1:6000/shop s@f/e:"),
        ("postgres://bob:raw@sign@db1/shop", "bob db1:5432/shop raw@sign"),
        ("postgres://bob:raw/slash@db1/shop", "bob db1:5432/shop raw/slash"),
        ("postgres://db1,db2:6000/shop", "ann db1:5432,db2:6000/shop -"),
        ("postgres://[::1]:6000,[fe80::1]/shop", "ann [::1]:6000,[fe80::1]:5432/shop -"),
        ("postgres://%2Frun%2Fpg/shop", "ann /run/pg:5432/shop -"),
        ("postgres:///shop?host=/run/pg&port=6000", "ann /run/pg:6000/shop -"),
        ("postgres://db1/shop?user=bob&password=p%26w", "bob db1:5432/shop p&w"),
        ("host=db1 port=6000 dbname='my shop' user=bob password='it\\'s'", "bob db1:6000/my shop it's"),
        ("host = db1 , dbname=shop".replace(" , ", " ").as_str(), "ann db1:5432/shop -"),
        ("host=db1,db2 port=6000", "ann db1:6000,db2:6000/ann -"),
        ("hostaddr=10.0.0.1,10.0.0.2 port=1,2", "ann 10.0.0.1:1,10.0.0.2:2/ann -"),
        ("host=db1 port=", "ann db1:5432/ann -"),
        ("postgresql+asyncpg://bob@db1/shop", "bob db1:5432/shop -"),
        ("postgresql+psycopg://bob@db1/shop?ssl=require", "bob db1:5432/shop -"),
        ("jdbc:postgresql://db1:6000/shop?user=bob&password=pw&ssl=true", "bob db1:6000/shop pw"),
        ("jdbc:postgresql:shop?user=bob", "bob localhost:5432/shop -"),
        ("pgbouncer://stats@10.0.0.5", "stats 10.0.0.5:6432/pgbouncer -"),
        ("pgbouncer://stats@10.0.0.5:7000/admin", "stats 10.0.0.5:7000/admin -"),
    ] {
        assert_eq!(shown(&understood(dsn)), expected, "{dsn}");
    }
}

#[test]
fn what_cannot_be_understood_names_the_key_and_the_cure_and_no_secret() {
    for (dsn, message, hint) in [
        ("host=db1 hots=x", "unknown key `hots` in the connection string", "`host`"),
        ("postgres://db1/shop?sslmod=require", "unknown key `sslmod`", "`sslmode`"),
        ("postgres://db1/shop?sslmode=strict", "`strict` is not a value of sslmode", "verify-full"),
        ("target_session_attrs=leader", "`leader` is not a value of target_session_attrs", "prefer-standby"),
        ("port=99999", "the port is not a number from 1 to 65535", "encode"),
        ("postgres://bob:se?cret@db1/shop", "the port is not a number", "encode"),
        ("postgres://bob:se%zzcret@db1", "the password of the address has a `%`", "%25"),
        ("postgres://bob:%ff@db1", "the password of the address is not UTF-8", "%25"),
        ("postgres://db1/%00", "the database of the address contains %00", "%25"),
        ("postgres://::1/shop", "several colons", "brackets"),
        ("postgres://[::1/shop", "no closing bracket", "[::1]:5432"),
        ("host=db1 password='open", "the value of `password` has no closing quote", "\\'"),
        ("host=db1 secret", "a word without `=`", "key=value"),
        ("hostaddr=db1", "hostaddr `db1` is not an IP address", "host="),
        ("host=a,b,c port=1,2", "host, hostaddr and port list 3, 0 and 2 entries", "one port for all"),
        ("connect_timeout=soon", "connect_timeout `soon` is not a number", "connect_timeout=10"),
        ("sslrootcert=system sslmode=require", "trusts every public authority", "verify-full"),
        ("sslnegotiation=direct", "needs TLS", "sslmode=require"),
        ("mysql://db1", "`mysql://` is not an address of PostgreSQL", "postgres://"),
        ("service=nowhere", "service `nowhere` is not defined", "pg_service.conf"),
    ] {
        let error = Conninfo::resolve(dsn, &nobody()).expect_err(dsn);
        assert!(error.message.contains(message), "{dsn}: {error}");
        assert!(error.hint.contains(hint), "{dsn}: {error}");
        assert!(!error.to_string().contains("cret"), "{dsn}: {error}");
    }
    let unnamed = Conninfo::resolve("host=db1", &Environment::empty()).unwrap_err();
    assert!(unnamed.hint.contains("PGUSER"), "{unnamed}");
}

#[test]
fn keys_of_other_tools_are_ignored_with_one_notice_or_understood() {
    let dsn = "postgres://db1/shop?pgbouncer=true&schema=public&connection_limit=5&pool_timeout=10\
               &statement_cache_size=0&sslaccept=strict&prepared_statements=false&ApplicationName=x&search_path=a";
    let (info, notices) = Conninfo::resolve(dsn, &nobody()).unwrap();
    assert!(info.pooled, "pgbouncer=true is understood");
    let words = notices.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(
        words,
        "ignored in the connection string, they belong to other tools: schema, connection_limit, pool_timeout, \
         statement_cache_size, sslaccept, prepared_statements, ApplicationName, search_path"
    );
    let (info, notices) = Conninfo::resolve("options='-c x=y' pgbouncer=false", &nobody()).unwrap();
    assert!(!info.pooled);
    assert!(notices.iter().any(|notice| notice.text().contains("`options`")), "{notices:?}");
    let strict = nobody().with("PGREQUIREAUTH", "scram-sha-256");
    let (_, notices) = Conninfo::resolve("", &strict).unwrap();
    assert!(notices[0].text().starts_with("PGREQUIREAUTH is ignored"), "a promise that is not kept is told");
    for (key, mode) in [
        ("ssl=true", SslMode::Require),
        ("ssl=disable", SslMode::Disable),
        ("requiressl=1", SslMode::Require),
    ] {
        assert_eq!(understood(key).ssl.mode, mode, "{key}");
    }
    assert_eq!(understood("sslmode=VERIFY-CA").ssl.mode, SslMode::VerifyCa);
    assert_eq!(understood("sslrootcert=system").ssl.mode, SslMode::VerifyFull);
    assert_eq!(understood("targetServerType=preferSecondary").attrs, SessionAttrs::PreferStandby);
}

#[test]
fn a_timeout_is_always_finite() {
    for (dsn, seconds) in
        [("", 10), ("connect_timeout=3", 3), ("connect_timeout=0", 10), ("connect_timeout=-1", 10)]
    {
        assert_eq!(understood(dsn).connect_timeout(), Duration::from_secs(seconds), "{dsn}");
    }
}

#[test]
fn every_variable_of_libpq_is_taken_where_nothing_goes_before_it() {
    let environment = [
        ("PGHOST", "envhost"),
        ("PGPORT", "7777"),
        ("PGDATABASE", "envdb"),
        ("PGUSER", "envuser"),
        ("PGPASSWORD", "envpw"),
        ("PGPASSFILE", "/env/pass"),
        ("PGCONNECT_TIMEOUT", "7"),
        ("PGSSLMODE", "verify-ca"),
        ("PGSSLROOTCERT", "/env/root"),
        ("PGSSLCERT", "/env/cert"),
        ("PGSSLKEY", "/env/key"),
        ("PGSSLCRL", "/env/crl"),
        ("PGSSLSNI", "0"),
        ("PGSSLNEGOTIATION", "direct"),
        ("PGTARGETSESSIONATTRS", "primary"),
        ("PGCHANNELBINDING", "require"),
        ("PGLOADBALANCEHOSTS", "random"),
    ]
    .into_iter()
    .fold(Environment::empty(), |environment, (key, value)| environment.with(key, value));
    let info = Conninfo::resolve("", &environment).unwrap().0;
    assert_eq!(shown(&info), "envuser envhost:7777/envdb envpw");
    assert_eq!(info.secrets.passfile, Some(PathBuf::from("/env/pass")));
    assert_eq!(info.connect_timeout(), Duration::from_secs(7));
    let expected = Ssl {
        mode: SslMode::VerifyCa,
        direct: true,
        root: RootCert::File("/env/root".into()),
        certificate: Some("/env/cert".into()),
        key: Some("/env/key".into()),
        revoked: Some("/env/crl".into()),
        sni: false,
    };
    assert_eq!(info.ssl, expected);
    assert_eq!((info.attrs, info.binding, info.shuffle), (SessionAttrs::Primary, Binding::Require, true));
    let addressed = Conninfo::resolve("", &environment.clone().with("PGHOSTADDR", "10.0.0.9")).unwrap().0;
    assert_eq!(addressed.hosts[0].address, Some("10.0.0.9".parse().unwrap()));
    let console = Conninfo::resolve("pgbouncer://h", &environment).unwrap().0;
    assert_eq!(
        shown(&console),
        "envuser h:6432/pgbouncer envpw",
        "a console's place is not the application's"
    );
}

#[test]
fn every_kind_of_console_has_its_usual_place() {
    for (url, place) in [
        ("pgbouncer://u@h", "h:6432/pgbouncer"),
        ("odyssey://u@h", "h:6432/console"),
        ("pgcat://u@h", "h:6432/pgcat"),
        ("pgdog://u@h", "h:6432/admin"),
        ("pgpool://u@h", "h:9999/u"),
        ("pgpool://u@h:5433/shop", "h:5433/shop"),
    ] {
        let info = Conninfo::resolve(url, &nobody()).unwrap().0;
        assert_eq!(info.endpoint().as_str(), place, "{url}");
        assert_eq!(DsnKind::of(url), Ok(DsnKind::Console), "{url}");
    }
}

#[test]
fn the_string_goes_before_the_service_before_the_environment() {
    let home = tempfile::tempdir().unwrap();
    let services = "# a comment\n[shop]\nhost=servicehost\nport=6001\ndbname=servicedb\npassword=a#b;c\n\n\
                    [broken]\nhots=x\n";
    std::fs::write(home.path().join(".pg_service.conf"), services).unwrap();
    let environment = nobody().with_home(home.path()).with("PGPORT", "6002").with("PGSSLMODE", "disable");
    for (dsn, variable, expected) in [
        ("service=shop", None, "ann servicehost:6001/servicedb a#b;c"),
        ("service=shop host=stringhost", None, "ann stringhost:6001/servicedb a#b;c"),
        ("postgres://bob@stringhost?service=shop", None, "bob stringhost:6001/servicedb a#b;c"),
        ("dbname=x", Some("shop"), "ann servicehost:6001/x a#b;c"),
        ("", None, "ann localhost:6002/ann -"),
    ] {
        let environment =
            variable.map_or(environment.clone(), |service| environment.clone().with("PGSERVICE", service));
        let info = Conninfo::resolve(dsn, &environment).unwrap().0;
        assert_eq!(shown(&info), expected, "{dsn}");
        assert_eq!(info.ssl.mode, SslMode::Disable, "the environment fills the rest");
    }
    let broken = Conninfo::resolve("service=broken", &environment).unwrap_err();
    assert!(broken.message.contains("unknown key `hots` in service `broken`"), "{broken}");
}

#[test]
fn service_files_are_found_where_libpq_looks() {
    let (home, system) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let named = home.path().join("other.conf");
    std::fs::write(&named, "[a]\nhost=named\n").unwrap();
    std::fs::write(system.path().join("pg_service.conf"), "[a]\nhost=system\n[b]\nhost=only-system\n")
        .unwrap();
    let base = nobody().with("PGSYSCONFDIR", system.path().to_str().unwrap());
    let with_file = base.clone().with("PGSERVICEFILE", named.to_str().unwrap());
    let by_key = format!("service=a servicefile={}", named.display());
    for (environment, dsn, host) in [
        (&base, "service=a", "system"),
        (&with_file, "service=a", "named"),
        (&with_file, "service=b", "only-system"),
        (&base, by_key.as_str(), "named"),
    ] {
        let info = Conninfo::resolve(dsn, environment).unwrap().0;
        assert_eq!(info.hosts[0].place, Place::Name(host.to_owned()), "{dsn}");
    }
    let unreadable = base.with("PGSERVICEFILE", home.path().to_str().unwrap());
    assert!(Conninfo::resolve("service=a", &unreadable).unwrap_err().message.contains("cannot read"));
}

#[test]
fn certificates_are_found_at_home() {
    let home = tempfile::tempdir().unwrap();
    let own = home.path().join(".postgresql");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("postgresql.crt"), "").unwrap();
    std::fs::write(own.join("postgresql.key"), "").unwrap();
    let info = Conninfo::resolve("", &nobody().with_home(home.path())).unwrap().0;
    assert_eq!(info.ssl.certificate, Some(own.join("postgresql.crt")));
    assert_eq!(info.ssl.key, Some(own.join("postgresql.key")));
    assert_eq!(info.ssl.root, RootCert::Default(Some(own.join("root.crt"))));
    assert_eq!(info.secrets.passfile, Some(home.path().join(".pgpass")));
}

#[test]
fn debug_output_shows_no_secret() {
    let environment = nobody().with("PGPASSWORD", "topsecret");
    let info = Conninfo::resolve("host=db1", &environment)
        .unwrap()
        .0
        .with_password(SecretString::from("topsecret".to_owned()))
        .with_password_command(vec!["pass".to_owned(), "topsecret".to_owned()]);
    assert!(!format!("{info:?} {environment:?}").contains("topsecret"));
}

#[test]
fn the_kind_of_a_target_shows_in_its_form() {
    for (dsn, kind) in [
        ("postgres://h", Some(DsnKind::Postgres)),
        ("postgresql+psycopg2://h", Some(DsnKind::Postgres)),
        ("jdbc:postgresql:shop", Some(DsnKind::Postgres)),
        ("host=db1", Some(DsnKind::Postgres)),
        ("PGBOUNCER://h", Some(DsnKind::Console)),
        ("rediss://h", Some(DsnKind::Redis)),
        ("http://h", Some(DsnKind::Http)),
        ("checkout", Some(DsnKind::Name)),
        ("ftp://h", None),
    ] {
        assert_eq!(DsnKind::of(dsn).ok(), kind, "{dsn}");
    }
}

/// Percent-encodes everything but letters and digits.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

proptest! {
    #[test]
    fn no_string_makes_it_panic(dsn in ".*", scheme in "(postgres://|pgbouncer://|jdbc:postgresql:|host=|)") {
        let dsn = format!("{scheme}{dsn}");
        let _ = Conninfo::resolve(&dsn, &nobody());
        let _ = DsnKind::of(&dsn);
    }

    #[test]
    fn whatever_is_encoded_or_quoted_comes_back(
        user in "[^\0]{1,8}", password in "[^\0]{1,12}", database in "[^\0]{1,8}", port in 1_u16..,
    ) {
        let address = format!("postgres://{}:{}@db1:{port}/{}", encoded(&user), encoded(&password), encoded(&database));
        let query = format!("postgres://db1:{port}?user={}&password={}&dbname={}", encoded(&user), encoded(&password), encoded(&database));
        let keywords = format!("host=db1 port={port} user={} password = {} dbname={}", quoted(&user), quoted(&password), quoted(&database));
        for dsn in [address, query, keywords] {
            let info = understood(&dsn);
            prop_assert_eq!(&info.user, &user);
            prop_assert_eq!(&info.database, &database);
            prop_assert_eq!(info.hosts[0].port, port);
            prop_assert_eq!(info.secrets.given.as_ref().unwrap().expose_secret(), &password);
        }
    }
}
