//! All laws at once over many small worlds, and over settings nobody tries by hand.

use gridpact::agents::network::NetworkFees;
use gridpact::agents::params::{BuyQuantile, FinalOrder, Tender};
use gridpact::chain::terms::Price;
use gridpact::sim::scenario::{Fanout, Graph, Quorum, Scenario};
use gridpact_tests::{a_street, live};
use proptest::prelude::*;

use crate::assert_lawful;

prop_compose! {
    fn any_world()(
        seed in 0_u64..1_000_000,
        homes in 2_u32..9,
        interval in prop::sample::select(vec![15, 30, 60]),
        overbook in 1_000_000_i64..4_000_000,
        order in prop::sample::select(vec![FinalOrder::CheapestFirst, FinalOrder::DearestFirst]),
        day_ahead in any::<bool>(),
        two_thirds in any::<bool>(),
        all_to_all in any::<bool>(),
        small_world in any::<bool>(),
        early in any::<bool>(),
        voters in prop::option::of(1_u32..3),
        fee in prop::sample::select(vec![0, 20_000, 100_000]),
        between in prop::sample::select(vec![0, 60_000]),
        feeder in 0_u32..4,
        quantile in prop::option::of(100_000_u32..900_000),
        turbine in prop::sample::select(vec![0, 10]),
    ) -> Scenario {
        let mut scenario = a_street(homes);
        scenario.seed = seed;
        scenario.validators = voters;
        scenario.tariff.p2p_fee =
            NetworkFees { other: Price(fee + between), ..NetworkFees::uniform(Price(fee)) };
        scenario.feeder.sites = feeder;
        scenario.scenario.community_turbine_kw = turbine;
        scenario.scenario.graph = if small_world { Graph::SmallWorld } else { Graph::Ring };
        scenario.chain.quorum = if two_thirds { Quorum::TwoThirds } else { Quorum::Majority };
        scenario.chain.fanout = if all_to_all { Fanout::AllToAll } else { Fanout::Tally };
        let params = &mut scenario.params;
        params.epoch.interval_min = interval;
        params.epoch.early_finish = early;
        params.epoch.tender = if day_ahead { Tender::DayAhead } else { Tender::Rolling };
        params.negotiate.overbook_ppm = overbook;
        params.finals.order = order;
        if let Some(ppm) = quantile {
            params.lca.buy_quantile = BuyQuantile::FixedPpm(ppm);
        }
        scenario
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_world_is_lawful(scenario in any_world()) {
        assert_lawful(&live(&scenario));
    }
}
