#include "passes/mixed/search.h"

#include <algorithm>
#include <deque>
#include <numeric>

namespace olivine::passes::mixed {
namespace {

using Units = std::vector<std::size_t>;

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
    if (any_broken && repair(kept)) return true;
    if (!any_broken && problem_.start.size() == kept.size()) {
      const auto first = std::find(problem_.start.begin(), problem_.start.end(), true);
      if (first != problem_.start.end() && may_try(reserve()) && try_kept(problem_.start).met) {
        return narrow_down({}, problem_.start);
      }
    }
    std::vector<bool> all(kept.size(), true);
    return narrow_down(kept, all);
  }

  /// Adds what the attempts point at, as long as they point at something new.
  bool repair(std::vector<bool>& kept) {
    while (may_try(reserve())) {
      const Attempt attempt = try_kept(kept);
      if (attempt.met) {
        result_.kept = kept;
        return true;
      }
      bool added = false;
      for (const std::size_t unit : attempt.suspects) {
        added = added || !kept[unit];
        kept[unit] = true;
      }
      if (!added) return false;
    }
    return false;
  }

  /// The fewest units of `most`, those with the largest shares, that meet the target together with `least`. The
  /// whole of `most` is known to meet it, or is everything.
  bool narrow_down(std::vector<bool> least, const std::vector<bool>& most) {
    least.resize(most.size(), false);
    Units order;
    for (const std::size_t unit : by_share_) {
      if (most[unit] && !least[unit]) order.push_back(unit);
    }
    std::size_t low = 0;
    std::size_t high = order.size();
    bool tried_high = false;
    const std::vector<double> left = shares_left(order);
    while (high - low > 1 + high / 32 && may_try(reserve() + 1)) {
      const std::size_t middle = halve(left, low, high);
      const bool met = try_kept(with(least, order, middle)).met;
      (met ? high : low) = middle;
      tried_high = tried_high || met;
    }
    result_.kept = with(least, order, high);
    // Everything was never tried; it is what there is.
    result_.met = tried_high || (may_try() ? try_kept(result_.kept).met : false);
    return result_.met;
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

  /// Between low and high: where half of the error between them is left, but no further from the middle than a quarter.
  static std::size_t halve(const std::vector<double>& left, std::size_t low, std::size_t high) {
    const double wanted = (left[low] + left[high]) / 2;
    std::size_t at = low + 1;
    while (at + 1 < high && left[at] > wanted) ++at;
    const std::size_t quarter = (high - low) / 4;
    return std::clamp(at, std::max(low + quarter, low + 1), std::min(high - quarter, high - 1));
  }

  // ---- Shrinking: until nothing can be given up

  struct Part {
    Units units;
  };

  void shrink() {
    std::deque<Part> parts;
    for (Units& units : islands(may_try() ? problem_.most_attempts - result_.attempts : 1)) parts.push_back({units});
    std::vector<Units> groups;
    bool proven = true;
    while (!parts.empty()) {
      Part part = std::move(parts.front());
      parts.pop_front();
      if (!may_try()) {
        proven = false;
        groups.push_back(std::move(part.units));
        continue;
      }
      if (give_up(part.units)) continue;
      // Halves are worth a look when attempts are left for all that waits.
      if (part.units.size() > 1 && may_try(parts.size() + 1)) {
        const auto middle = part.units.begin() + static_cast<std::ptrdiff_t>(part.units.size() / 2);
        parts.push_back({Units(part.units.begin(), middle)});
        parts.push_back({Units(middle, part.units.end())});
      } else {
        groups.push_back(std::move(part.units));
      }
    }
    finish_groups(std::move(groups), proven);
  }

  void finish_groups(std::vector<Units> groups, bool proven) {
    for (Units& group : groups) std::sort(group.begin(), group.end());
    std::sort(groups.begin(), groups.end());
    result_.groups = std::move(groups);
    result_.proven = proven;
    result_.met = true;
  }

  bool give_up(const Units& units) {
    std::vector<bool> kept = result_.kept;
    for (const std::size_t unit : units) kept[unit] = false;
    if (!try_kept(kept).met) return false;
    result_.kept = std::move(kept);
    return true;
  }

  /// Kept units by connection, those with the smallest shares first; joined until they are no more than `most`.
  std::vector<Units> islands(std::size_t most) const {
    std::vector<bool> seen(result_.kept.size(), false);
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
  SearchResult result_;
};

}  // namespace

SearchResult search(const SearchProblem& problem) { return Search(problem).run(); }

}  // namespace olivine::passes::mixed
