//! What a device is told: setpoints, the grid operator's limit, and the safe state without either.

use gridpact_chain::terms::{Interval, Timestamp};

use super::ResourceAgent;
use super::check;
use super::nature::{Nature, V2g};
use super::priority::{Bounds, Claim, Claims, Decision, GridLimit, decide};
use super::reading::Setpoint;
use super::realise::{CHARGER_MIN_W, PowerRanges, Realised};
use super::speech::{Order, Refusal, ResourceEffect};

/// What a device is asked to do, before any claim is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// By the LCA.
    Wish(Setpoint),
    /// By nobody: its safe state.
    Safe(Setpoint),
}

impl ResourceAgent {
    /// Follows a setpoint as far as the device, its driver and the grid operator let it.
    pub(super) fn follow(
        &mut self,
        now: Timestamp,
        wish: Setpoint,
        out: &mut Vec<ResourceEffect>,
    ) -> Result<(), Refusal> {
        match self.epoch.map(|(epoch, _)| epoch) {
            Some(current) if wish.interval < current => return Err(Refusal::OutOfDate),
            Some(current) if wish.interval > current => return Err(Refusal::FromTheFuture),
            None => return Err(Refusal::FromTheFuture),
            Some(_) => {}
        }
        if !check::is_controllable(&self.setup.nature) {
            return Err(Refusal::NotControllable);
        }
        self.has_lapsed = false;
        out.push(ResourceEffect::Command(self.order(now, Asked::Wish(wish))));
        Ok(())
    }

    /// Takes a limit; what the device has been told is told again if that changes it.
    pub(super) fn limit(
        &mut self,
        now: Timestamp,
        limit: GridLimit,
        out: &mut Vec<ResourceEffect>,
    ) -> Result<(), Refusal> {
        if !check::is_controllable(&self.setup.nature) {
            return Err(Refusal::NotControllable);
        }
        if limit.valid_until <= now {
            return Err(Refusal::OutOfDate);
        }
        self.limit = Some(limit);
        out.push(ResourceEffect::Record { readings: Vec::new(), standing: self.standing() });
        self.hold(now, out);
        Ok(())
    }

    /// Keeps the device within a limit that has changed: its order of the current interval is settled
    /// again, and under a limit it is not left without one.
    pub(super) fn hold(&mut self, now: Timestamp, out: &mut Vec<ResourceEffect>) {
        let current = self.current(now);
        match self.asked.filter(|(_, order)| order.setpoint.interval == current) {
            Some((asked, before)) => {
                let order = self.order(now, asked);
                if order != before {
                    out.push(ResourceEffect::Command(order));
                }
            }
            None if self.limit.is_some() && check::is_controllable(&self.setup.nature) => {
                let order = self.order(now, Asked::Safe(self.safe(current)));
                out.push(ResourceEffect::Lapse(order));
            }
            None => {}
        }
    }

    /// Whether the device still waits for its setpoint of the current interval, and until when.
    pub(super) fn waits_until(&self) -> Option<Timestamp> {
        let (epoch, deadlines) = self.epoch?;
        let is_told = self.asked.is_some_and(|(asked, order)| {
            matches!(asked, Asked::Wish(_)) && order.setpoint.interval == epoch
        });
        let is_controllable = check::is_controllable(&self.setup.nature);
        (is_controllable && !is_told && !self.has_lapsed).then_some(deadlines.d1)
    }

    /// Lets a limit lapse whose time is over, and the device fall back when no setpoint has come.
    pub(super) fn lapse(&mut self, now: Timestamp, out: &mut Vec<ResourceEffect>) {
        if self.limit.is_some_and(|limit| limit.valid_until <= now) {
            self.limit = None;
            out.push(ResourceEffect::Record { readings: Vec::new(), standing: self.standing() });
            self.hold(now, out);
        } else if self.limit.is_some() {
            self.hold(now, out);
        }
        if let (Some(until), Some((epoch, _))) = (self.waits_until(), self.epoch)
            && until <= now
        {
            self.has_lapsed = true;
            out.push(ResourceEffect::Lapse(self.order(now, Asked::Safe(self.safe(epoch)))));
        }
    }

    /// The interval that runs now, also when no epoch begins any more.
    fn current(&self, now: Timestamp) -> Interval {
        let by_clock = Interval::containing(now, self.setup.interval_s);
        self.epoch.map_or(by_clock, |(epoch, _)| epoch.max(by_clock))
    }

    /// When a limit next needs the device to be told: an order lapses with its interval, the limit
    /// only by itself.
    pub(super) fn holds_until(&self) -> Option<Timestamp> {
        let limit = self.limit?;
        let (_, order) = self.asked.as_ref()?;
        let ends = order.setpoint.interval.plus(1).starts_at(self.setup.interval_s);
        Some(limit.valid_until.min(ends))
    }

    /// Settles all claims on the device and makes an order of what is left.
    fn order(&mut self, now: Timestamp, asked: Asked) -> Order {
        let (at, interval_s) = (asked.interval(), self.setup.interval_s);
        let limit = self.limit.filter(|limit| now < limit.valid_until);
        let most = |power_w: Option<u64>| {
            power_w.map_or(u64::MAX, |power_w| check::energy_wh(power_w, interval_s))
        };
        let limit_wh = limit.map(|limit| Bounds {
            consume_wh: most(limit.consume_w),
            produce_wh: most(limit.produce_w),
        });
        let nature = &self.setup.nature;
        let claims = match asked {
            Asked::Wish(wish) => Claims {
                limit: limit_wh,
                refusal: Some(check::bounds(nature, self.last(), at, interval_s)),
                need: check::need(nature, self.last(), at, interval_s),
                contract: None,
                local: check::one_way(nature, self.moved.add_to(wish)),
            },
            // In its safe state the device refuses for itself.
            Asked::Safe(safe) => {
                Claims { limit: limit_wh, refusal: None, need: None, contract: None, local: safe }
            }
        };
        let order = self.realise(decide(&claims), limit);
        self.asked = Some((asked, order));
        order
    }

    /// Power and time for the energies that were decided on. The limit is one of power, so the
    /// ranges end at it: a device that cannot run that gently stays off.
    fn realise(&mut self, decision: Decision, limit: Option<GridLimit>) -> Order {
        let interval_s = self.setup.interval_s;
        let wanted = decision.setpoint;
        let within = |ranges: &PowerRanges, limit_w: Option<u64>, wh: u64| -> Realised {
            match limit_w {
                Some(limit_w) => ranges.below(limit_w).realise(wh, interval_s),
                None => ranges.realise(wh, interval_s),
            }
        };
        let consume =
            within(&self.setup.consume, limit.and_then(|l| l.consume_w), wanted.consume_wh);
        let produce =
            within(&self.setup.produce, limit.and_then(|l| l.produce_w), wanted.produce_wh);
        self.moved.keep(wanted.interval, &consume, &produce);
        if self.is_timed() {
            // What a driver lets go at this time is not his word for the next.
            self.moved.drop_giving();
        }
        let is_limited = consume.clipped_wh > 0 || produce.clipped_wh > 0;
        let watts = |power_w: u64| i64::try_from(power_w).unwrap_or(i64::MAX);
        Order {
            setpoint: Setpoint {
                interval: wanted.interval,
                consume_wh: consume.energy_wh,
                produce_wh: produce.energy_wh,
                is_firm: false,
            },
            power_w: watts(consume.power_w) - watts(produce.power_w),
            on_s: if self.is_generator() { interval_s } else { consume.on_s.max(produce.on_s) },
            carried_wh: consume.carried_wh.saturating_add(produce.carried_wh),
            by: if is_limited { decision.by.min(Claim::DeviceRefusal) } else { decision.by },
        }
    }

    /// What is safe without instructions: battery idle, vehicle charging gently, generator free,
    /// jobs as they come.
    fn safe(&self, interval: Interval) -> Setpoint {
        let most = |power_w| check::energy_wh(power_w, self.setup.interval_s);
        let (consume_wh, produce_wh) = match &self.setup.nature {
            Nature::Vehicle(car) => (most(car.store.charge_w.min(CHARGER_MIN_W)), 0),
            Nature::Solar { rated_w } | Nature::Wind { rated_w } => (0, most(*rated_w) * 2),
            Nature::Deferrable => (u64::MAX, 0),
            Nature::Battery(_) | Nature::Load | Nature::Meter | Nature::Station { .. } => (0, 0),
        };
        Setpoint { interval, consume_wh, produce_wh, is_firm: false }
    }

    fn is_timed(&self) -> bool {
        let Nature::Vehicle(vehicle) = &self.setup.nature else { return false };
        vehicle.v2g.as_ref().is_some_and(V2g::is_timed)
    }

    fn is_generator(&self) -> bool {
        matches!(self.setup.nature, Nature::Solar { .. } | Nature::Wind { .. })
    }
}

impl Asked {
    fn interval(self) -> Interval {
        match self {
            Self::Wish(setpoint) | Self::Safe(setpoint) => setpoint.interval,
        }
    }
}
