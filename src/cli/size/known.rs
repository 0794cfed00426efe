//! What a profile says about its servers and pools, as the sizing takes it.

use crate::analysis::sizing::draft::{Draft, Source};
use crate::analysis::sizing::field::Field;
use crate::analysis::sizing::provider;
use crate::cli::profile::{Running, Surroundings};
use crate::config::Profile;
use crate::config::types::{PoolSettings, PostgresTarget};
use crate::model::target::TargetName;

/// What is known of each server of a profile before anything is connected; nothing for typed addresses.
pub fn drafts(running: &Running, around: &Surroundings) -> Vec<(TargetName, Draft)> {
    let profile = around.config.profile(&running.name).filter(|_| running.saved);
    let servers = profile.iter().flat_map(|profile| profile.postgres.iter().map(|target| (*profile, target)));
    servers
        .map(|(profile, target)| (TargetName::from(target.name.as_str()), draft(profile, target)))
        .collect()
}

fn draft(profile: &Profile, target: &PostgresTarget) -> Draft {
    let mut draft = Draft::default();
    let known = target.provider.as_deref().and_then(provider::find);
    let said = [
        (Field::Cores, target.cores.map(f64::from)),
        (Field::Memory, target.memory.map(|bytes| bytes as f64)),
        (Field::Provider, known.map(|place| place as f64)),
        (Field::PathIdleTimeout, target.path_idle_timeout.map(|idle| idle.as_secs_f64())),
    ];
    set(&mut draft, &said);
    // Which of several pools is meant, nobody said.
    if let [pool] = &profile.pools[..] {
        set(&mut draft, &pool_fields(pool));
    }
    draft
}

/// One pool of the profile. A plain `max` is the bound of a pool that knows no overflow.
fn pool_fields(pool: &PoolSettings) -> [(Field, Option<f64>); 7] {
    let plain = pool.declared.max.filter(|_| pool.pool_size.is_none());
    let instances = (pool.pods.is_none() && pool.workers.is_none()).then_some(pool.declared.instances.max(1));
    [
        (Field::PoolSize, pool.pool_size.or(plain).map(f64::from)),
        (Field::MaxOverflow, pool.max_overflow.map(|overflow| overflow as f64).or(plain.map(|_| 0.0))),
        (Field::Pods, pool.pods.or(instances).map(f64::from)),
        (Field::Workers, pool.workers.map(f64::from)),
        (Field::PoolTimeout, pool.pool_timeout.map(|timeout| timeout.as_secs_f64())),
        (Field::PoolRecycle, pool.recycle.map(|recycle| recycle.as_secs_f64())),
        (Field::PrePing, pool.pre_ping.map(|ping| f64::from(u8::from(ping)))),
    ]
}

/// Values out of the range that makes sense are left out: the profile may know larger pools than SQLAlchemy takes.
fn set(draft: &mut Draft, said: &[(Field, Option<f64>)]) {
    for (field, value) in said {
        if let Some(value) = value.filter(|value| field.parse(&field.show(*value), "").is_ok()) {
            draft.set(*field, Source::Profile, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{self, Paths};
    use crate::connect::Environment;

    fn known(pools: &str) -> Draft {
        let text = format!(
            "[profiles.shop]\n[[profiles.shop.postgres]]\nname = \"db1\"\nurl = \"postgres://u@db1/shop\"\ncores = 8\n\
             memory = \"32GiB\"\nprovider = \"cloudsql\"\npath_idle_timeout = \"350s\"\n{pools}"
        );
        let around = Surroundings {
            paths: Paths::new("/nowhere/config.toml".into(), "/nowhere/state".into()),
            config: config::parse(std::path::Path::new("test.toml"), &text).unwrap(),
            environment: Environment::empty(),
        };
        let running = Running::profile("shop", &around).unwrap();
        let mut drafts = drafts(&running, &around);
        let (name, draft) = drafts.pop().unwrap();
        assert_eq!(&*name, "db1");
        draft
    }

    const POOL: &str = "[[profiles.shop.pools]]\napplication_name = \"api\"\n";

    #[test]
    fn a_server_is_known_by_its_profile() {
        let draft = known("");
        assert_eq!((draft.whole(Field::Cores), draft.whole(Field::Memory)), (Some(8), Some(32 << 30)));
        assert_eq!(draft.choice(Field::Provider).as_deref(), Some("cloud-sql"));
        assert_eq!(draft.get(Field::PathIdleTimeout), Some(350.0));
        assert_eq!(draft.said(Field::PoolSize), (Some(5.0), None));
    }

    #[test]
    fn one_declared_pool_is_the_one_that_is_sized_and_two_are_nobodys() {
        for (keys, size, overflow, pods, workers) in [
            ("name = \"a\"\npool_size = 20\nmax_overflow = 5\npods = 3\nworkers = 2\n", 20, 5, 3, 2),
            ("name = \"a\"\nmax = 12\ninstances = 4\n", 12, 0, 4, 1),
            ("name = \"a\"\nmax = 400\n", 5, 0, 1, 1),
        ] {
            let draft = known(&format!("{POOL}{keys}"));
            let got = [Field::PoolSize, Field::MaxOverflow, Field::Pods, Field::Workers];
            assert_eq!(got.map(|field| draft.count(field)), [size, overflow, pods, workers], "{keys}");
        }
        let two = known(&format!("{POOL}name = \"a\"\nmax = 12\n{POOL}name = \"b\"\nmax = 8\n"));
        assert_eq!(two.said(Field::PoolSize), (Some(5.0), None));
    }
}
