#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <vector>

/// Finds few units to keep so that a target is met, by few attempts. It knows nothing of models.
namespace olivine::passes::mixed {

struct Attempt {
  bool met = false;     ///< with room
  bool barely = false;  ///< without
  /// About how many times the target the error is; infinite when nobody knows.
  double excess = std::numeric_limits<double>::infinity();
  /// Units where the attempt went wrong first; may be empty.
  std::vector<std::size_t> suspects;
};

struct SearchProblem {
  /// Estimated part of the error that each unit brings.
  std::vector<double> shares;
  /// Of the attempt that kept nothing.
  double excess = std::numeric_limits<double>::infinity();
  /// Units that are bad by themselves: kept in the first attempt.
  std::vector<bool> broken;
  /// Units to begin with where none is broken; may be empty.
  std::vector<bool> start;
  /// Units that keep others along with themselves: they are given up first.
  std::vector<bool> covers_others;
  /// By unit: those next to it. Groups are made of neighbours.
  std::vector<std::vector<std::size_t>> neighbours;
  /// Tries a set of units to keep.
  std::function<Attempt(const std::vector<bool>& kept)> attempt;
  std::size_t most_attempts = 0;
};

struct SearchResult {
  std::vector<bool> kept;
  /// What is kept, in parts none of which can be given up without missing the target.
  std::vector<std::vector<std::size_t>> groups;
  bool met = false;
  std::size_t attempts = 0;
};

/// Keeping nothing is known to miss the target, and keeping more must not make matters worse, but for noise. The last
/// resort is to keep all units.
SearchResult search(const SearchProblem& problem);

}  // namespace olivine::passes::mixed
