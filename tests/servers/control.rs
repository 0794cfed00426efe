//! Operations on real servers: whom they reach, whom they leave alone, and what is said and written about it.

mod console;
mod constructed;
mod denied;
mod full;
mod inspect;
mod lost;
mod redis;
mod sampled;
mod stage;
mod terminate;
mod wire;
