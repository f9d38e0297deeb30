//! Programs that show how gridpact is used; each is one file beside this one.
