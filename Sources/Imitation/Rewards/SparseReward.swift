import Spaces
import Torch
import WorldModel

/// 1 where some expert state is the same as the learner's and the expert's action there was the learner's, else 0.
/// Source: DITTO, equation 4, with states that are the same when at least a share of their classes is.
///
/// - Parameters:
///   - same: the share of each of M expert states that is as in each of N states, `[N, M]`, in 0…1.
///   - sameAction: 1 where the action taken in a state is that taken in the expert's, else 0, `[N, M]`.
/// - Returns: `[N]`, 0 or 1.
public func sparseReward(same: Tensor, share: Double, sameAction: Tensor) -> Tensor {
  // Less rounding: a share of classes is a fraction.
  (same * sameAction.to(same.type)).max(over: 1).isAtLeast(share - 1e-6).to(same.type)
}

extension ActionSpace {
  /// Numbers that differ by less are the same, of −1…1; classes differ by more.
  private static let tolerance = 0.1

  /// Whether each of N actions `[N, W]` is the same as each of M others: `bool` `[N, M]`.
  func same(_ a: Tensor, _ b: Tensor) -> Tensor {
    let furthest = (a.reshaped(a.shape[0], 1, -1) - b.reshaped(1, b.shape[0], -1)).abs().max(over: -1)
    return (-furthest).isAtLeast(-Self.tolerance)
  }
}

/// Rewards the action taken in each state of the dream, the start included.
final class SparseReward: Reward {
  private let share: Double
  private let groups: Int
  private let space: ActionSpace
  /// One-hot classes `[M, S·K]` and actions `[M, …]` of all expert states in which something was done.
  private let (stochastic, actions): (Tensor, Tensor)

  /// Pairs of learner and expert states that are looked at together.
  private static let pairs = 1 << 22

  init(share: Double, _ context: RewardContext) {
    self.share = share
    groups = context.sizes.groups
    space = context.actions
    let (states, actions) = context.expert.pairs(at: context.expert.steps)
    (stochastic, self.actions) = (states.stochastic, actions)
  }

  func callAsFunction(_ expert: LatentWindows, _ dream: Rollout) -> Tensor {
    let z = dream.states.stochastic.dropLast()
    let (states, taken) = (z.flattened(first: 2), dream.actions.flattened(first: 2))
    let parts = (0..<states.shape[0]).pieces(of: max(1, Self.pairs / stochastic.shape[0])).map { part -> Tensor in
      let same = states.sliced(part).to(.float32).matmul(stochastic.permuted(1, 0)) / Double(groups)
      return sparseReward(same: same, share: share, sameAction: space.same(taken.sliced(part), actions))
    }
    return concatenated(parts, axis: 0).unflattened(Array(dream.actions.shape.prefix(2)))
  }
}

extension RewardKind {
  public static let sparse = RewardKind("sparse") { SparseReward(share: $0.sameShare, $1) }
}
