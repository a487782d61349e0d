#include "passes/support/mixed/search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace olivine::passes::mixed {
namespace {

using Units = std::vector<std::size_t>;

std::vector<bool> flags(std::size_t count, const Units& units) {
  std::vector<bool> result(count);
  for (const std::size_t unit : units) result[unit] = true;
  return result;
}

Units units_of(const std::vector<bool>& kept) {
  Units result;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) result.push_back(i);
  }
  return result;
}

/// Units that are alike and have no neighbours; the target is met when all guilty ones are kept.
SearchProblem problem_of(std::size_t count, const Units& guilty, std::size_t most_attempts) {
  SearchProblem problem;
  problem.shares.assign(count, 1.0 / static_cast<double>(count));
  problem.broken.assign(count, false);
  problem.covers_others.assign(count, false);
  problem.neighbours.resize(count);
  problem.most_attempts = most_attempts;
  problem.attempt = [guilty](const std::vector<bool>& kept) {
    const bool met = std::all_of(guilty.begin(), guilty.end(), [&](std::size_t unit) { return kept[unit]; });
    return Attempt{met, false, met ? 0.5 : std::numeric_limits<double>::infinity(), {}};
  };
  return problem;
}

/// Each unit is next to the one before.
void chain(SearchProblem& problem) {
  for (std::size_t i = 1; i < problem.neighbours.size(); ++i) {
    problem.neighbours[i].push_back(i - 1);
    problem.neighbours[i - 1].push_back(i);
  }
}

/// Holds the search to what it says: it counts its attempts, stays within the budget, and what it calls met is,
/// and no group can be given up.
SearchResult checked(SearchProblem problem) {
  std::size_t attempts = 0;
  const auto oracle = problem.attempt;
  problem.attempt = [&](const std::vector<bool>& kept) {
    ++attempts;
    return oracle(kept);
  };
  const SearchResult result = search(problem);
  EXPECT_EQ(result.attempts, attempts);
  EXPECT_LE(attempts, problem.most_attempts);
  EXPECT_TRUE(result.met);
  EXPECT_TRUE(oracle(result.kept).met);
  Units grouped;
  for (const Units& group : result.groups) {
    grouped.insert(grouped.end(), group.begin(), group.end());
    std::vector<bool> without = result.kept;
    for (const std::size_t unit : group) without[unit] = false;
    EXPECT_FALSE(oracle(without).met) << "could be given up: " << group.front();
  }
  std::sort(grouped.begin(), grouped.end());
  EXPECT_EQ(grouped, units_of(result.kept));
  return result;
}

TEST(Search, FindsExactlyTheGuiltyWithoutAHint) {
  for (const Units& guilty : {Units{0}, Units{19}, Units{3, 11}, Units{0, 1, 2, 19}}) {
    for (const bool chained : {false, true}) {
      SearchProblem problem = problem_of(20, guilty, 200);
      if (chained) chain(problem);
      const SearchResult result = checked(problem);
      EXPECT_EQ(units_of(result.kept), guilty) << (chained ? "chained" : "apart");
    }
  }
}

TEST(Search, WhatIsBrokenIsTriedFirstAndTheInnocentAreGivenUp) {
  SearchProblem problem = problem_of(100, {3, 11}, 50);
  problem.broken = flags(100, {3, 5, 11});
  const SearchResult result = checked(problem);
  EXPECT_EQ(units_of(result.kept), (Units{3, 11}));
  EXPECT_EQ(result.groups, (std::vector<Units>{{3}, {11}}));
  EXPECT_EQ(result.attempts, 4U);  // all three, and without each
}

TEST(Search, FollowsSuspectsFromWhatIsBroken) {
  SearchProblem problem = problem_of(100, {3, 50, 97}, 50);
  problem.broken = flags(100, {3});
  problem.attempt = [oracle = problem.attempt](const std::vector<bool>& kept) {
    Attempt attempt = oracle(kept);
    if (!attempt.met) attempt.suspects = {kept[50] ? std::size_t{97} : std::size_t{50}};
    return attempt;
  };
  const SearchResult result = checked(problem);
  EXPECT_EQ(units_of(result.kept), (Units{3, 50, 97}));
  EXPECT_EQ(result.attempts, 6U);  // three steps, and without each
}

TEST(Search, SuspectsThatAreKeptAlreadyEndTheRepair) {
  SearchProblem problem = problem_of(16, {3, 9}, 100);
  problem.broken = flags(16, {3});
  problem.attempt = [oracle = problem.attempt](const std::vector<bool>& kept) {
    Attempt attempt = oracle(kept);
    attempt.suspects = {3};
    return attempt;
  };
  EXPECT_EQ(units_of(checked(problem).kept), (Units{3, 9}));
}

TEST(Search, StartsAtTheUsualSuspects) {
  SearchProblem problem = problem_of(100, {42}, 50);
  problem.start = flags(100, {41, 42});
  const SearchResult result = checked(problem);
  EXPECT_EQ(units_of(result.kept), Units{42});
  EXPECT_EQ(result.attempts, 2U);  // both, and without 41
}

TEST(Search, AStartThatMissesIsLeft) {
  SearchProblem problem = problem_of(32, {7}, 100);
  problem.start = flags(32, {20, 21, 22});
  EXPECT_EQ(units_of(checked(problem).kept), Units{7});
}

TEST(Search, UnitsThatCoverOthersAreGivenUpFirst) {
  // A loop (0) and what spoils it inside (1): either one does.
  for (const double share_of_loop : {0.0, 1.0}) {
    SearchProblem problem = problem_of(10, {}, 50);
    problem.attempt = [](const std::vector<bool>& kept) { return Attempt{kept[0] || kept[1], false, 2, {}}; };
    problem.broken = flags(10, {0, 1});
    problem.covers_others[0] = true;
    problem.shares[0] = share_of_loop;
    chain(problem);
    EXPECT_EQ(units_of(checked(problem).kept), Units{1}) << share_of_loop;
  }
}

TEST(Search, NeighboursAreGivenUpTogether) {
  // Two islands of 16 are kept at first, and one of them is for nothing: that takes one attempt, not sixteen.
  SearchProblem problem = problem_of(64, {40, 41}, 200);
  Units broken(16);
  std::iota(broken.begin(), broken.end(), 0);
  for (std::size_t unit = 32; unit < 48; ++unit) broken.push_back(unit);
  problem.broken = flags(64, broken);
  for (const std::size_t first : {0U, 32U}) {
    for (std::size_t unit = first + 1; unit < first + 16; ++unit) {
      problem.neighbours[unit].push_back(unit - 1);
      problem.neighbours[unit - 1].push_back(unit);
    }
  }
  for (std::size_t unit = 0; unit < 16; ++unit) problem.shares[unit] /= 2;
  std::vector<std::size_t> sizes;
  problem.attempt = [&sizes, oracle = problem.attempt](const std::vector<bool>& kept) {
    sizes.push_back(units_of(kept).size());
    return oracle(kept);
  };
  const SearchResult result = checked(problem);
  EXPECT_EQ(units_of(result.kept), (Units{40, 41}));
  ASSERT_GE(sizes.size(), 2U);
  EXPECT_EQ(sizes[1], 16U);
}

TEST(Search, ABudgetThatEndsLeavesSomethingThatMeetsTheTarget) {
  for (std::size_t most = 0; most < 40; ++most) {
    SearchProblem problem = problem_of(32, {5, 30}, most);
    checked(problem);
    problem.broken = flags(32, {5});
    checked(problem);
    problem.start = flags(32, {5, 30});
    problem.broken = flags(32, {});
    EXPECT_EQ(units_of(checked(problem).kept).size(), most < 2 ? 32U : 2U) << most;
  }
}

TEST(Search, NothingToChooseFromIsNothingToKeep) {
  const SearchResult result = search(problem_of(0, {}, 10));
  EXPECT_TRUE(result.kept.empty());
  EXPECT_EQ(result.attempts, 0U);
}

/// Errors add up as squares, and shares tell what each unit brings.
SearchProblem additive(std::size_t count, std::size_t needed, std::size_t most_attempts) {
  SearchProblem problem = problem_of(count, {}, most_attempts);
  for (std::size_t i = 0; i < count; ++i) problem.shares[i] = std::pow(0.9, static_cast<double>(i));
  const double sum = std::accumulate(problem.shares.begin(), problem.shares.end(), 0.0);
  for (double& share : problem.shares) share /= sum;
  const auto left = [shares = problem.shares](const std::vector<bool>& kept) {
    double result = 0;
    for (std::size_t i = 0; i < kept.size(); ++i) result += kept[i] ? 0 : shares[i];
    return result;
  };
  Units first(needed);
  std::iota(first.begin(), first.end(), 0);
  const double target = left(flags(count, first)) * 1.0001;
  problem.excess = std::sqrt(1 / target);
  problem.attempt = [left, target](const std::vector<bool>& kept) {
    const double excess = std::sqrt(left(kept) / target);
    return Attempt{excess <= 1, false, excess, {}};
  };
  return problem;
}

TEST(Search, TheExcessLeadsToTheRightNumberInFewSteps) {
  for (const std::size_t needed : {5U, 30U, 60U}) {
    // Four attempts to grow with: bisection would be at 1000 / 2^4 at best.
    const SearchResult result = checked(additive(1000, needed, 6));
    EXPECT_GE(units_of(result.kept).size(), needed);
    EXPECT_LE(units_of(result.kept).size(), needed + 5);
  }
}

TEST(Search, AnExcessThatMisleadsStillEnds) {
  for (const double excess : {0.0, 1e-9, 1.0, 1e30, std::nan("")}) {
    SearchProblem problem = problem_of(50, {49}, 200);
    problem.excess = excess;
    problem.attempt = [excess](const std::vector<bool>& kept) { return Attempt{kept[49], false, excess, {}}; };
    EXPECT_EQ(units_of(checked(problem).kept), Units{49}) << excess;
  }
}

}  // namespace
}  // namespace olivine::passes::mixed
