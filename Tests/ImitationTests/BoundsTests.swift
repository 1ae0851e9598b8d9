import Foundation
import Settings
import Testing

/// What the paper promises of matching an expert, tried on random processes small enough to be solved exactly.
/// Divergences are between normalised discounted visitations `ρ(s, a) = (1 − γ) Σ γᵗ P(s_t = s, a_t = a)`; total
/// variation is half the L1 distance, in 0…1.
@Suite struct BoundsTests {
  private static let seeds = (0..<40).map(UInt64.init)
  private static let sizes = [(states: 1, actions: 2), (2, 2), (5, 3), (12, 4)]
  private static let discounts = [0.5, 0.9, 0.99]

  // MARK: Equation 5

  /// `|J(πᴱ, M) − J(π, M)| ≤ α R_max / (1 − γ)² + R_max / (1 − γ) · TV(ρᴱ in M, ρ^π in M̂)`, and each of its halves by
  /// itself.
  @Test(arguments: seeds) func theReturnGapIsBoundedByModelErrorAndDivergence(seed: UInt64) {
    var generator = Seed(seed).generator
    for (states, actions) in Self.sizes {
      for discount in Self.discounts {
        let process = MDP.random(states, actions, discount, using: &generator)
        let model = process.disturbed(by: Double.random(in: 0...0.2, using: &generator), using: &generator)
        let (expert, learner) = (process.randomPolicy(using: &generator), process.randomPolicy(using: &generator))
        let bounds = ReturnBound(expert, learner, in: process, imaginedBy: model)
        #expect(bounds.gap <= bounds.learningError + bounds.adaptationError + 1e-9)
        #expect(bounds.learnerGap <= bounds.learningError * discount + 1e-9)  // the proof has a factor γ to spare
        #expect(abs(process.value(expert) - model.value(learner)) <= bounds.adaptationError + 1e-9)
        #expect(abs(process.value(expert) - process.valueByVisitation(expert)) < 1e-9 / (1 - discount))
      }
    }
  }

  /// Random pairs come within a third of the bound of a perfect model, so it is no accident that none exceeds it.
  @Test func theBoundIsNotVacuousForRandomPolicies() {
    let shares = Self.seeds.map { seed -> Double in
      var generator = Seed(seed).generator
      let process = MDP.random(3, 2, 0.9, using: &generator)
      let bounds = ReturnBound(
        process.randomPolicy(using: &generator), process.randomPolicy(using: &generator), in: process,
        imaginedBy: process)
      return bounds.gap / bounds.adaptationError
    }
    #expect(shares.max()! > 1.0 / 3 && shares.max()! <= 1)
  }

  /// One state, two actions, one of them worth everything: the adaptation error is attained.
  @Test(arguments: discounts) func theAdaptationErrorIsTight(discount: Double) {
    let process = MDP(start: [1], transitions: [[[1], [1]]], rewards: [[3, 0]], discount: discount)
    let bounds = ReturnBound([[1, 0]], [[0, 1]], in: process, imaginedBy: process)
    #expect(
      abs(bounds.gap - 3 / (1 - discount)) < 1e-9 && abs(bounds.adaptationError - bounds.gap) < 1e-9
        && bounds.learningError == 0)
  }

  /// A state worth everything, which the model believes to be for ever and the process leaves with probability α: for
  /// small α the difference nears γ times the learning error.
  @Test(arguments: discounts) func theLearningErrorIsTightUpToTheDiscount(discount: Double) {
    let alpha = 1e-6
    let ending = MDP(
      start: [1, 0], transitions: [[[1 - alpha, alpha]], [[0, 1]]], rewards: [[1], [0]], discount: discount)
    let endless = MDP(start: [1, 0], transitions: [[[1, 0]], [[0, 1]]], rewards: [[1], [0]], discount: discount)
    let bounds = ReturnBound([[1], [1]], [[1], [1]], in: ending, imaginedBy: endless)
    #expect(abs(bounds.learnerGap / bounds.learningError - discount) < 1e-3)
  }

  /// Printed with `R_max = max R(s, a)` and no word on the sign: with costs only, the largest reward is 0 and so is the
  /// bound.
  @Test func theBoundNeedsRewardsThatAreNotNegative() {
    let process = MDP(start: [1], transitions: [[[1], [1]]], rewards: [[0, -1]], discount: 0.9)
    let bounds = ReturnBound([[1, 0]], [[0, 1]], in: process, imaginedBy: process)
    #expect(bounds.learningError + bounds.adaptationError == 0 && bounds.gap > 9.9)
  }

  // MARK: Equation 6

  /// `D(s, a) ≤ D(z, a)` and `D(x, a) ≤ D(z, a)`, where `z` is all that was seen and done: total variation and KL,
  /// exactly.
  @Test(arguments: seeds) func theDivergenceOfHistoriesBoundsThatOfStatesAndObservations(seed: UInt64) {
    var generator = Seed(seed).generator
    for divergence in [totalVariation, klDivergence] {
      let world = POMDP.random(states: 3, actions: 2, observations: 2, using: &generator)
      let learner = world.visitation(world.randomPolicy(seeing: true, using: &generator))
      let expert = world.visitation(world.randomPolicy(seeing: true, using: &generator))
      let latent = divergence(learner.histories, expert.histories)
      #expect(latent > 0)
      #expect(divergence(learner.states, expert.states) <= latent + 1e-12)
      #expect(divergence(learner.observations, expert.observations) <= latent + 1e-12)
    }
  }

  /// The whole chain `D(x, a) ≤ D(s, a) ≤ D(z, a)`, where an action is chosen before the frame of its step is seen:
  /// then `P(x | s, a) = P(x | s)`.
  @Test(arguments: seeds) func theWholeChainHoldsForActionsChosenBeforeSeeing(seed: UInt64) {
    var generator = Seed(seed).generator
    for divergence in [totalVariation, klDivergence] {
      let world = POMDP.random(states: 3, actions: 2, observations: 2, using: &generator)
      let learner = world.visitation(world.randomPolicy(seeing: false, using: &generator))
      let expert = world.visitation(world.randomPolicy(seeing: false, using: &generator))
      let (x, s, z) = (
        divergence(learner.observations, expert.observations), divergence(learner.states, expert.states),
        divergence(learner.histories, expert.histories)
      )
      #expect(x <= s + 1e-12 && s <= z + 1e-12)
    }
  }

  /// As printed, the chain's first half is false for who acts on what it sees: one state, two observations by the toss
  /// of a coin; the learner does what it sees and the expert the opposite. Their states and actions have one
  /// distribution, their observations and actions nothing in common.
  @Test func statesDoNotBoundObservationsForActionsChosenBySight() {
    let world = POMDP(start: [1], transitions: [[[1], [1]]], emissions: [[0.5, 0.5]])
    let told = world.visitation { _, seen in seen == 0 ? [1, 0] : [0, 1] }
    let opposed = world.visitation { _, seen in seen == 0 ? [0, 1] : [1, 0] }
    #expect(totalVariation(told.states, opposed.states) < 1e-12)
    #expect(abs(totalVariation(told.observations, opposed.observations) - 1) < 1e-12)
    #expect(abs(totalVariation(told.histories, opposed.histories) - 1) < 1e-12)
  }

  /// The other half needs a latent that keeps the belief. One that remembers nothing: the learner errs in one step of
  /// ten, and an error is for ever, so most of its states are not the expert's, though what it does looks like the
  /// expert's nine times in ten.
  @Test func aLatentThatForgetsDoesNotBoundStates() {
    let process = MDP(
      start: [1, 0], transitions: [[[1, 0], [0, 1]], [[0, 1], [0, 1]]], rewards: [[1, 1], [0, 0]], discount: 0.95)
    let (expert, learner) = (process.visitation([[1, 0], [1, 0]]), process.visitation([[0.9, 0.1], [0.9, 0.1]]))
    let forgetful = { (visits: [[Double]]) in (0..<2).map { action in visits.reduce(0) { $0 + $1[action] } } }
    #expect(abs(totalVariation(forgetful(learner), forgetful(expert)) - 0.1) < 1e-12)
    #expect(totalVariation(learner.flatMap { $0 }, expert.flatMap { $0 }) > 0.6)
  }

  // MARK: Corollary A.1

  /// `p_a ≥ 1 − κ / ε`, where the intrinsic reward is 1 on the expert's pairs, in 0…1 − ε elsewhere, and `1 − κ` on
  /// average.
  @Test(arguments: seeds) func theRewardBoundsTheChanceOfAgreement(seed: UInt64) {
    var generator = Seed(seed).generator
    for _ in 0..<50 {
      let epsilon = Double.random(in: 0.01...1, using: &generator)
      let visits = distribution(Int.random(in: 1...20, using: &generator), using: &generator)
      let agrees = visits.map { _ in Bool.random(using: &generator) }
      let rewards = agrees.map { $0 ? 1 : Double.random(in: 0...1 - epsilon, using: &generator) }
      let kappa = 1 - dot(visits, rewards)
      #expect(chance(agrees, visits) >= 1 - kappa / epsilon - 1e-12)
    }
  }

  /// Two pairs, the one that is not the expert's rewarded as much as it may be.
  @Test(arguments: [0.0, 0.3, 0.9, 1.0], [0.05, 0.5, 1.0]) func theChanceOfAgreementIsTight(
    agreement: Double, epsilon: Double
  ) {
    let kappa = 1 - dot([agreement, 1 - agreement], [1, 1 - epsilon])
    #expect(abs(agreement - (1 - kappa / epsilon)) < 1e-12)
  }

  /// Equation 7 rewards being near: what it earns bounds the chance of being nearer than ε, for any ε, by the same line
  /// of the proof.
  @Test(arguments: seeds) func theSmoothRewardBoundsTheChanceOfBeingNear(seed: UInt64) {
    var generator = Seed(seed).generator
    for _ in 0..<50 {
      let epsilon = Double.random(in: 0.01...1, using: &generator)
      let visits = distribution(Int.random(in: 1...20, using: &generator), using: &generator)
      let distances = visits.map { _ in pow(Double.random(in: 0...1, using: &generator), 3) }
      let kappa = dot(visits, distances)
      #expect(chance(distances.map { $0 < epsilon }, visits) >= 1 - kappa / epsilon - 1e-12)
    }
  }

  /// It does not bound the chance of being on the expert's pairs, as the corollary has it: one who is always very near
  /// and never there breaks the premise that whatever is not the expert's earns at most 1 − ε.
  @Test func theSmoothRewardDoesNotBoundTheChanceOfAgreement() {
    let (distance, epsilon) = (0.01, 0.5)
    #expect(chance([distance == 0], [1]) < 1 - distance / epsilon)
    #expect(chance([distance < epsilon], [1]) == 1)
  }
}

/// The two sides of equation 5, and the difference that the model's error alone makes.
private struct ReturnBound {
  let gap, learnerGap, learningError, adaptationError: Double

  init(_ expert: [[Double]], _ learner: [[Double]], in process: MDP, imaginedBy model: MDP) {
    let (largest, left) = (process.rewards.joined().max()!, 1 - process.discount)
    gap = abs(process.value(expert) - process.value(learner))
    learnerGap = abs(process.value(learner) - model.value(learner))
    let alpha = zip(process.transitions.joined(), model.transitions.joined()).map { totalVariation($0, $1) }.max()!
    learningError = alpha * largest / (left * left)
    adaptationError =
      largest / left
      * totalVariation(process.visitation(expert).flatMap { $0 }, model.visitation(learner).flatMap { $0 })
  }
}

/// A Markov decision process of a few states, solved exactly.
private struct MDP {
  /// `[S]`.
  let start: [Double]
  /// `T(s′ | s, a)` as `[S][A][S]`.
  let transitions: [[[Double]]]
  /// `R(s, a)` as `[S][A]`.
  let rewards: [[Double]]
  let discount: Double

  static func random(_ states: Int, _ actions: Int, _ discount: Double, using generator: inout SeededGenerator) -> MDP {
    MDP(
      start: distribution(states, using: &generator),
      transitions: (0..<states).map { _ in (0..<actions).map { _ in distribution(states, using: &generator) } },
      rewards: (0..<states).map { _ in (0..<actions).map { _ in 5 * Double.random(in: 0...1, using: &generator) } },
      discount: discount)
  }

  /// The same with a share of every transition replaced by another.
  func disturbed(by share: Double, using generator: inout SeededGenerator) -> MDP {
    let changed = transitions.map { row in
      row.map { next in zip(next, distribution(next.count, using: &generator)).map { (1 - share) * $0 + share * $1 } }
    }
    return MDP(start: start, transitions: changed, rewards: rewards, discount: discount)
  }

  func randomPolicy(using generator: inout SeededGenerator) -> [[Double]] {
    start.map { _ in distribution(rewards[0].count, using: &generator) }
  }

  /// `P(s′ | s)` under a policy `[S][A]`, as `[S][S]`.
  private func chain(_ policy: [[Double]]) -> [[Double]] {
    start.indices.map { s in
      start.indices.map { next in zip(policy[s], transitions[s]).reduce(0) { $0 + $1.0 * $1.1[next] } }
    }
  }

  /// `J`, by `V = r + γ P V`.
  func value(_ policy: [[Double]]) -> Double {
    let chain = chain(policy)
    let matrix = start.indices.map { s in start.indices.map { (s == $0 ? 1 : 0) - discount * chain[s][$0] } }
    let values = solution(matrix, start.indices.map { s in dot(policy[s], rewards[s]) })
    return dot(start, values)
  }

  /// `ρ(s, a)` as `[S][A]`, by `d = (1 − γ) μ + γ Pᵀ d`.
  func visitation(_ policy: [[Double]]) -> [[Double]] {
    let chain = chain(policy)
    let matrix = start.indices.map { s in start.indices.map { (s == $0 ? 1 : 0) - discount * chain[$0][s] } }
    return zip(solution(matrix, start.map { (1 - discount) * $0 }), policy).map { d, row in row.map { d * $0 } }
  }

  /// `J = E_ρ[R] / (1 − γ)`.
  func valueByVisitation(_ policy: [[Double]]) -> Double {
    zip(visitation(policy), rewards).reduce(0) { $0 + dot($1.0, $1.1) } / (1 - discount)
  }
}

/// A partially observed process of a few steps, with every history written out. The latent `z` is the history itself,
/// the one that keeps the belief for certain.
private struct POMDP {
  /// `[S]`.
  let start: [Double]
  /// `[S][A][S]`.
  let transitions: [[[Double]]]
  /// `P(x | s)` as `[S][X]`.
  let emissions: [[Double]]
  static let (steps, discount) = (4, 0.9)

  /// Discounted visitations up to the last step, each summing to one.
  struct Visitation {
    var histories: [Double] = []
    /// `[S · A]` and `[X · A]`.
    var states, observations: [Double]
  }

  /// Action probabilities, by what was seen and done before and by what is seen now.
  typealias Policy = (_ before: [Int], _ seen: Int) -> [Double]

  /// - Parameter seeing: whether what is seen now matters.
  func randomPolicy(seeing: Bool, using generator: inout SeededGenerator) -> Policy {
    let seed = Seed(generator.next())
    return { before, seen in
      var own = (before + (seeing ? [seen] : [])).reduce(seed) { $0.step($1) }.generator
      return distribution(transitions[0].count, using: &own)
    }
  }

  static func random(states: Int, actions: Int, observations: Int, using generator: inout SeededGenerator) -> POMDP {
    POMDP(
      start: distribution(states, using: &generator),
      transitions: (0..<states).map { _ in (0..<actions).map { _ in distribution(states, using: &generator) } },
      emissions: (0..<states).map { _ in distribution(observations, using: &generator) })
  }

  func visitation(_ policy: Policy) -> Visitation {
    let (actions, observations) = (transitions[0].count, emissions[0].count)
    var visits = Visitation(
      states: .init(repeating: 0, count: start.count * actions),
      observations: .init(repeating: 0, count: observations * actions))
    let total = (0..<Self.steps).reduce(0) { $0 + pow(Self.discount, Double($1)) }

    /// `reached`: `P(s_t = s, before)`, `[S]`.
    func visit(_ reached: [Double], _ before: [Int], _ weight: Double) {
      guard before.count < 2 * Self.steps else { return }
      for seen in 0..<observations {
        let probabilities = policy(before, seen)
        for action in 0..<actions {
          let joint = start.indices.map { reached[$0] * emissions[$0][seen] * probabilities[action] }
          let mass = weight * joint.reduce(0, +)
          visits.histories.append(mass)
          visits.observations[seen * actions + action] += mass
          for s in start.indices { visits.states[s * actions + action] += weight * joint[s] }
          let next = start.indices.map { next in
            start.indices.reduce(0) { $0 + joint[$1] * transitions[$1][action][next] }
          }
          visit(next, before + [seen, action], weight * Self.discount)
        }
      }
    }
    visit(start, [], 1 / total)
    return visits
  }
}

/// Random probabilities, some of them close to 0 and 1.
private func distribution(_ count: Int, using generator: inout SeededGenerator) -> [Double] {
  let weights = (0..<count).map { _ in pow(Double.random(in: 1e-3...1, using: &generator), 4) }
  let sum = weights.reduce(0, +)
  return weights.map { $0 / sum }
}

private func chance(_ happens: [Bool], _ probabilities: [Double]) -> Double {
  zip(happens, probabilities).reduce(0) { $0 + ($1.0 ? $1.1 : 0) }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

private func totalVariation(_ p: [Double], _ q: [Double]) -> Double {
  zip(p, q).reduce(0) { $0 + abs($1.0 - $1.1) } / 2
}

/// In nats.
private func klDivergence(_ p: [Double], _ q: [Double]) -> Double {
  zip(p, q).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * log($1.0 / $1.1) : 0) }
}

/// Of `matrix · x = right`, by Gaussian elimination with the largest pivot.
private func solution(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
  var rows = zip(matrix, right).map { $0 + [$1] }
  for column in rows.indices {
    rows.swapAt(column, rows.indices[column...].max { abs(rows[$0][column]) < abs(rows[$1][column]) }!)
    for row in rows.indices where row != column {
      let factor = rows[row][column] / rows[column][column]
      for k in column...rows.count { rows[row][k] -= factor * rows[column][k] }
    }
  }
  return rows.indices.map { rows[$0][rows.count] / rows[$0][$0] }
}
