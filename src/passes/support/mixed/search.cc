#include "passes/support/mixed/search.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

namespace olivine::passes::mixed {
namespace {

using Units = std::vector<std::size_t>;

/// What is known of shares is an estimate: a little more is kept than it says.
constexpr double kMargin = 0.8;
/// An expected excess that is worth an attempt.
constexpr double kPromising = 1.2;

class Search {
 public:
  explicit Search(const SearchProblem& problem) : problem_(problem), by_share_(problem.shares.size()) {
    std::iota(by_share_.begin(), by_share_.end(), 0);
    std::stable_sort(by_share_.begin(), by_share_.end(),
                     [&](std::size_t a, std::size_t b) { return problem_.shares[a] > problem_.shares[b]; });
  }

  SearchResult run() {
    if (grow()) shrink();
    return std::move(result_);
  }

 private:
  bool may_try(std::size_t reserve = 0) const { return result_.attempts + reserve < problem_.most_attempts; }

  Attempt try_kept(const std::vector<bool>& kept) {
    ++result_.attempts;
    return problem_.attempt(kept);
  }

  // ---- Growing: until the target is met

  /// Attempts that shrinking shall have at least.
  std::size_t reserve() const { return problem_.most_attempts / 3; }

  bool grow() {
    std::vector<bool> kept = problem_.broken;
    const bool any_broken = std::find(kept.begin(), kept.end(), true) != kept.end();
    excess_ = problem_.excess;
    if (any_broken && repair(kept)) return true;
    if (!any_broken && problem_.start.size() == kept.size()) {
      if (begin(kept)) return true;
    }
    return narrow_down(kept);
  }

  /// Tries where to begin; what helps much is built upon.
  bool begin(std::vector<bool>& kept) {
    double left = 0;
    for (std::size_t unit = 0; unit < kept.size(); ++unit) left += problem_.start[unit] ? 0 : problem_.shares[unit];
    const double expected = problem_.excess * std::sqrt(left);
    const bool none = std::find(problem_.start.begin(), problem_.start.end(), true) == problem_.start.end();
    if (none || (std::isfinite(expected) && expected > kPromising) || !may_try(reserve() + 1)) return false;
    const Attempt attempt = try_kept(problem_.start);
    if (attempt.met) {
      result_.kept = problem_.start;
      return result_.met = true;
    }
    if (attempt.excess < problem_.excess / 2) {
      kept = problem_.start;
      excess_ = attempt.excess;
    }
    return false;
  }

  /// Adds what the attempts point at, as long as they point at something new.
  bool repair(std::vector<bool>& kept) {
    while (may_try(reserve())) {
      const Attempt attempt = try_kept(kept);
      if (attempt.met) {
        result_.kept = kept;
        return result_.met = true;
      }
      excess_ = attempt.excess;
      bool added = false;
      for (const std::size_t unit : attempt.suspects) {
        added = added || !kept[unit];
        kept[unit] = true;
      }
      if (!added) return false;
    }
    return false;
  }

  /// Few more units, those with the largest shares, that meet the target together with `least`.
  bool narrow_down(const std::vector<bool>& least) {
    Units order;
    for (const std::size_t unit : by_share_) {
      if (!least[unit]) order.push_back(unit);
    }
    std::size_t low = 0;
    std::size_t high = order.size();
    // Errors of many nodes add up as squares, so the square of the excess tells how much of them has to go.
    const std::vector<double> left = shares_left(order);
    double wanted = kMargin * left[0] / (excess_ * excess_);
    bool trusted = std::isfinite(excess_);
    // As long as nothing but everything is known to meet the target, that is worth more than giving up parts.
    while (high - low > 1 + high / 32 && may_try(high == order.size() ? 1 : reserve())) {
      const std::size_t middle = trusted ? where_left(left, wanted, low, high) : low + (high - low) / 2;
      const Attempt attempt = try_kept(with(least, order, middle));
      trusted = std::isfinite(attempt.excess) && attempt.excess > 0 &&
                (attempt.met || is_progress(excess_, attempt.excess, left[low], left[middle]));
      wanted = kMargin * left[middle] / (attempt.excess * attempt.excess);
      (attempt.met ? high : low) = middle;
      if (!attempt.met) excess_ = attempt.excess;
    }
    result_.kept = with(least, order, high);
    // Everything is what there is: it is the original.
    return result_.met = true;
  }

  /// Whether the error shrank by at least half of what the shares promised.
  static bool is_progress(double before, double after, double left_before, double left_after) {
    return before - after > 0.5 * (before - before * std::sqrt(left_after / left_before));
  }

  static std::vector<bool> with(std::vector<bool> kept, const Units& order, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) kept[order[i]] = true;
    return kept;
  }

  /// The error that is left when the first i units are kept.
  std::vector<double> shares_left(const Units& order) const {
    std::vector<double> left(order.size() + 1, 0);
    for (std::size_t i = order.size(); i-- > 0;) left[i] = left[i + 1] + problem_.shares[order[i]];
    return left;
  }

  /// The least number of units that leaves no more than that, between low and high; where the estimate says nothing
  /// new, the middle.
  static std::size_t where_left(const std::vector<double>& left, double wanted, std::size_t low, std::size_t high) {
    std::size_t at = low + 1;
    while (at < high && left[at] > wanted) ++at;
    return at >= high || at == low + 1 ? low + std::max<std::size_t>((high - low) / 2, 1) : at;
  }

  // ---- Shrinking: until nothing can be given up

  void shrink() {
    std::deque<Units> parts;
    for (Units& units : islands(may_try() ? problem_.most_attempts - result_.attempts : 1)) {
      parts.push_back(std::move(units));
    }
    std::vector<Units> groups;  // each misses the target when it is given up
    Units rest;                 // was not tried alone, or would leave no room
    while (!parts.empty()) {
      Units part = std::move(parts.front());
      parts.pop_front();
      const GivenUp tried = give_up(part);
      if (tried == GivenUp::gone) continue;
      // Halves are worth a look when attempts are left for all that waits.
      if (part.size() > 1 && tried != GivenUp::untried && may_try(parts.size() + 1)) {
        const auto middle = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
        parts.emplace_back(part.begin(), middle);
        parts.emplace_back(middle, part.end());
      } else if (tried == GivenUp::missed) {
        groups.push_back(std::move(part));
      } else {
        rest.insert(rest.end(), part.begin(), part.end());
      }
    }
    finish(std::move(groups), rest);
  }

  /// What joins a group that misses the target when it is given up makes a group that does. With no such group, all is
  /// one: to keep nothing is known to miss.
  void finish(std::vector<Units> groups, const Units& rest) {
    if (groups.empty() && !rest.empty()) groups.emplace_back();
    if (!groups.empty()) groups.back().insert(groups.back().end(), rest.begin(), rest.end());
    for (Units& group : groups) std::sort(group.begin(), group.end());
    std::sort(groups.begin(), groups.end());
    result_.groups = std::move(groups);
  }

  enum class GivenUp { gone, missed, no_room, untried };

  GivenUp give_up(const Units& units) {
    std::vector<bool> kept = result_.kept;
    for (const std::size_t unit : units) kept[unit] = false;
    if (std::find(kept.begin(), kept.end(), true) == kept.end()) return GivenUp::missed;
    if (!may_try()) return GivenUp::untried;
    const Attempt attempt = try_kept(kept);
    if (!attempt.met) return attempt.barely ? GivenUp::no_room : GivenUp::missed;
    result_.kept = std::move(kept);
    return GivenUp::gone;
  }

  /// Kept units by connection, those with the smallest shares first; joined until they are no more than `most`.
  std::vector<Units> islands(std::size_t most) const {
    std::vector<bool> seen = problem_.covers_others;
    std::vector<Units> found;
    for (std::size_t unit = 0; unit < seen.size(); ++unit) {
      if (result_.kept[unit] && !seen[unit]) found.push_back(island_of(unit, seen));
    }
    const auto lighter = [&](const Units& a, const Units& b) { return share_of(a) < share_of(b); };
    std::stable_sort(found.begin(), found.end(), lighter);
    while (found.size() > std::max<std::size_t>(most, 1)) {
      found[1].insert(found[1].end(), found[0].begin(), found[0].end());
      found.erase(found.begin());
      std::stable_sort(found.begin(), found.end(), lighter);
    }
    // Halves of an island shall be of unequal worth: what matters least goes first.
    for (Units& units : found) {
      std::stable_sort(units.begin(), units.end(),
                       [&](std::size_t a, std::size_t b) { return problem_.shares[a] < problem_.shares[b]; });
    }
    for (std::size_t unit = 0; unit < seen.size(); ++unit) {
      if (result_.kept[unit] && problem_.covers_others[unit]) found.insert(found.begin(), {unit});
    }
    return found;
  }

  Units island_of(std::size_t first, std::vector<bool>& seen) const {
    Units island = {first};
    seen[first] = true;
    for (std::size_t i = 0; i < island.size(); ++i) {
      for (const std::size_t next : problem_.neighbours[island[i]]) {
        if (!result_.kept[next] || seen[next]) continue;
        seen[next] = true;
        island.push_back(next);
      }
    }
    return island;
  }

  double share_of(const Units& units) const {
    double sum = 0;
    for (const std::size_t unit : units) sum += problem_.shares[unit];
    return sum;
  }

  const SearchProblem& problem_;
  Units by_share_;
  double excess_ = 0;  ///< of the last attempt
  SearchResult result_;
};

}  // namespace

SearchResult search(const SearchProblem& problem) { return Search(problem).run(); }

}  // namespace olivine::passes::mixed
