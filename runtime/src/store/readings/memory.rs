//! Readings that last as long as the process: enough where only actors crash.

use std::collections::BTreeMap;

use gridpact_agents::resource::Standing;
use gridpact_agents::resource::reading::{DeviceIndex, Reading};
use gridpact_chain::terms::Interval;

use super::{ReadingStore, ReadingsError};

/// Readings in memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryReadings {
    readings: BTreeMap<(DeviceIndex, Interval), Reading>,
    standings: BTreeMap<DeviceIndex, Standing>,
}

impl ReadingStore for MemoryReadings {
    fn record(
        &mut self,
        device: DeviceIndex,
        readings: &[Reading],
        standing: &Standing,
    ) -> Result<(), ReadingsError> {
        let keyed = readings.iter().map(|reading| ((device, reading.interval), reading.clone()));
        self.readings.extend(keyed);
        self.standings.insert(device, *standing);
        Ok(())
    }

    fn standing(&self, device: DeviceIndex) -> Result<Standing, ReadingsError> {
        Ok(self.standings.get(&device).copied().unwrap_or_default())
    }

    fn newest(&self, device: DeviceIndex, most: usize) -> Result<Vec<Reading>, ReadingsError> {
        let all = self.readings.range((device, Interval(0))..=(device, Interval(u32::MAX)));
        let mut newest: Vec<Reading> =
            all.rev().take(most).map(|(_, reading)| reading.clone()).collect();
        newest.reverse();
        Ok(newest)
    }

    fn between(
        &self,
        device: DeviceIndex,
        from: Interval,
        until: Interval,
    ) -> Result<Vec<Reading>, ReadingsError> {
        let until = until.max(from);
        let some = self.readings.range((device, from)..(device, until));
        Ok(some.map(|(_, reading)| reading.clone()).collect())
    }

    fn forget(&mut self, device: DeviceIndex, before: Interval) -> Result<(), ReadingsError> {
        let is_old = self.readings.range((device, Interval(0))..(device, before)).next().is_some();
        if is_old {
            self.readings.retain(|(of, at), _| *of != device || *at >= before);
        }
        Ok(())
    }
}
