import Configuration
import Foundation
import Testing
import Torch
import WorldModel

@testable import Imitation

/// What each reward promises on its page in docs/methods.
@Suite struct RewardPropertiesTests {
  private static let (horizon, batch, size, groups, classes) = (4, 6, 8, 3, 4)
  private let latents: ExpertLatents
  private let context: RewardContext
  private let windows: LatentWindows
  /// Follows the expert exactly.
  private let same: Dream
  /// Goes elsewhere, under other actions.
  private let other: Dream

  init() throws {
    var sizes = LatentSizes()
    (sizes.deterministic, sizes.groups, sizes.classes) = (Self.size, Self.groups, Self.classes)
    let random = RandomSource(Seed(1))
    latents = ExpertLatents(
      deterministic: tanh(.normal([40, Self.size], using: random)),
      classes: (Tensor.uniform([40, Self.groups], using: random) * Double(Self.classes)).to(.uint8),
      actions: (Tensor.uniform([40], using: random) * 3).to(.int64), lengths: [40], classCount: Self.classes)
    context = RewardContext(expert: latents, sizes: sizes, actions: 3, seed: Seed(2))
    windows = try WindowSampler(latents, horizon: Self.horizon, batch: Self.batch, seed: Seed(3)).windows(step: 0)
    same = Dream(states: windows.states, actions: windows.actions)
    let shape = [Self.horizon + 1, Self.batch]
    let z = (Tensor.uniform(shape + [Self.groups], using: random) * Double(Self.classes)).to(.int64).oneHot(Self.classes)
    other = Dream(
      states: LatentState(deterministic: tanh(.normal(shape + [Self.size], using: random)), stochastic: z.reshaped(shape + [Self.groups * Self.classes])),
      actions: (Tensor.uniform([Self.horizon, Self.batch], using: random) * 3).to(.int64))
  }

  private func earned(_ kind: RewardKind, _ dream: Dream, _ change: (inout RewardConfiguration) -> Void = { _ in }) -> [Float] {
    var c = RewardConfiguration()
    c.weights.dot = 0
    c.weights[kind] = 1
    change(&c)
    let reward = c.reward(context)(windows, dream)
    #expect(reward.shape == [Self.horizon, Self.batch])
    return reward.values()
  }

  private func scaled(_ dream: Dream, by factor: Double) -> Dream {
    Dream(states: LatentState(deterministic: dream.states.deterministic * factor, stochastic: dream.states.stochastic * factor), actions: dream.actions)
  }

  @Test(arguments: [RewardKind.dot, .l2, .cosine, .nearest, .sparse], ComparedState.allCases)
  func isOneForTheExpertAndNoMoreForOthers(kind: RewardKind, compared: ComparedState) {
    #expect(earned(kind, same) { $0.compared = compared }.allSatisfy { abs($0 - 1) < 1e-5 })
    let others = earned(kind, other) { $0.compared = compared }
    #expect(others.allSatisfy { $0 <= 1 + 1e-5 } && others.contains { $0 < 0.9 })
  }

  @Test func staysInItsRange() {
    for (kind, range): (RewardKind, ClosedRange<Float>) in [(.dot, -1...1), (.l2, 0...1), (.cosine, -1...1), (.sparse, 0...1), (.gail, 0...1)] {
      for dream in [same, other, scaled(other, by: -3)] where kind != .sparse || dream.states.stochastic.values(as: Float.self).allSatisfy({ $0 >= 0 }) {
        #expect(earned(kind, dream).allSatisfy { $0 >= range.lowerBound - 1e-5 && $0 <= range.upperBound + 1e-5 }, "\(kind)")
      }
    }
    #expect(Set(earned(.sparse, other)).isSubset(of: [0, 1]))
    #expect(earned(.gail, other) { $0.discriminator.reward = .logarithm }.allSatisfy { $0 >= 0 })
  }

  /// Cosine does not notice a learner of twice the length; the others do.
  @Test func onlyCosineIsTheSameAtAnyScale() {
    let (one, two) = (earned(.cosine, other), earned(.cosine, scaled(other, by: 2)))
    #expect(zip(one, two).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(earned(.dot, scaled(same, by: 2)).allSatisfy { abs($0 - 0.5) < 1e-5 })
    #expect(earned(.l2, scaled(same, by: 3)).allSatisfy { abs($0 - 0.5) < 1e-5 })
  }

  /// The nearest of all is at least as near as the one at the same time.
  @Test(arguments: Distance.allCases) func nearestIsNoLessThanMatching(distance: Distance) {
    let nearest = earned(.nearest, other) { ($0.distance, $0.compared) = (distance, .h) }
    let (learner, expert) = (ComparedState.h.reached(other.states), ComparedState.h.reached(windows.states))
    let matching: [Float] = (1 - distance(learner, expert)).values()
    #expect(zip(nearest, matching).allSatisfy { $0 >= $1 - 1e-5 })
    #expect(nearest != matching)
  }

  @Test func sparseNeedsTheActionToo() {
    let wrong = Dream(states: same.states, actions: (same.actions + 1).to(.int64))
    let right = earned(.sparse, same), others = earned(.sparse, wrong)
    #expect(right.allSatisfy { $0 == 1 } && others.contains(0))
    // Fewer classes need to be the same: no less reward.
    let loose = earned(.sparse, other) { $0.sameShare = 0.3 }
    #expect(zip(loose, earned(.sparse, other)).allSatisfy { $0 >= $1 } && loose.contains(1))
  }

  /// Who follows another part of the expert's episodes earns about nothing by it, though by equation 8 a good deal.
  @Test func contrastSubtractsWhatAnyStateEarns() {
    let one = windows.states.columns(0..<1), rest = windows.states.columns(1..<Self.batch)
    let elsewhere = Dream(states: .joined(rest, one, axis: 1), actions: windows.actions)
    let mean = { (kind: RewardKind, dream: Dream) in
      let values = earned(kind, dream) { $0.compared = .z }
      return values.reduce(0, +) / Float(values.count)
    }
    #expect(mean(.dot, elsewhere) > 0.15 && abs(mean(.contrast, elsewhere)) < 0.1)
    #expect(mean(.contrast, same) > 0.6)
    #expect(earned(.contrast, same) { $0.contrastSamples = 4 } != earned(.contrast, same))
  }

  /// The mean over expert states held out of the fit is what it was set to; elsewhere there is less.
  @Test func redIsLargeWhereTheExpertWas() {
    var c = RedConfiguration()
    (c.width, c.outputs, c.steps) = (32, 8, 300)
    let red = RedReward(c, context)
    let (own, others): ([Float], [Float]) = (red(windows, same).values(), red(windows, scaled(other, by: 4)).values())
    #expect((own + others).allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect(own.reduce(0, +) > 2 * others.reduce(0, +))
    for mean in [0.5, 0.9] {
      let distances = [0.1, 3, 7, 0.5]
      let sigma = RedReward.sigma(for: mean, distances: distances)
      #expect(abs(distances.reduce(0) { $0 + exp(-sigma * $1) } / 4 - mean) < 1e-9)
    }
  }

  /// At least the quantile of the expert's own steps earn 1, and nothing earns other than ±1.
  @Test func drilRewardsAgreement() {
    var c = DrilConfiguration()
    (c.steps, c.members, c.quantile, c.cloning.batch) = (30, 3, 0.9, 32)
    var policy = PolicySizes()
    (policy.width, policy.hiddenLayers) = (16, 1)
    let dril = DrilReward(c, policy, context)
    let all = (0...35).map { $0 }
    let (states, actions) = latents.pairs(at: all)
    let stacked = Dream(
      states: .joined(
        LatentState(deterministic: states.deterministic.reshaped(1, 36, -1), stochastic: states.stochastic.reshaped(1, 36, -1)),
        LatentState(deterministic: states.deterministic.reshaped(1, 36, -1), stochastic: states.stochastic.reshaped(1, 36, -1)), axis: 0),
      actions: actions.reshaped(1, 36))
    let own: [Float] = dril(windows, stacked).values()
    #expect(Set(own + dril(windows, other).values(as: Float.self)).isSubset(of: [-1, 1]))
    #expect(own.filter { $0 == 1 }.count >= 32)
    let parts = (0..<3).map { DrilReward.steps(of: $0, among: 3, latents) }
    #expect(parts.flatMap { $0 }.sorted() == latents.steps, "members share steps, or leave some out")
  }

  @Test func sumsAreWeighted() {
    var c = RewardConfiguration()
    (c.weights.dot, c.weights.l2) = (2, -0.5)
    let sum: [Float] = c.reward(context)(windows, other).values()
    for (found, (dot, l2)) in zip(sum, zip(earned(.dot, other), earned(.l2, other))) { #expect(abs(found - (2 * dot - 0.5 * l2)) < 1e-5) }
    c.weights.dot = 0
    c.weights.l2 = 0
    #expect(throws: ConfigurationError.self) { try c.validate() }
  }

  /// A discriminator learns to tell the two, and says so; its reward then prefers the expert.
  @Test(arguments: DiscriminatorInput.allCases, AdversarialReward.allCases) func discriminatorLearns(input: DiscriminatorInput, reward: AdversarialReward) {
    var c = DiscriminatorConfiguration()
    (c.input, c.width, c.hiddenLayers, c.optimizer.learningRate) = (input, 32, 1, 1e-2)
    let discriminator = Discriminator(c, reward, context)
    let first = discriminator.update(windows, other, progress: 0)
    for _ in 0..<100 { _ = discriminator.update(windows, other, progress: 0) }
    let last = discriminator.update(windows, other, progress: 0)
    #expect(last["discriminator/loss"]!.item < 0.3 * first["discriminator/loss"]!.item)
    #expect(last["discriminator/accuracy"]!.item > 0.95 && last["discriminator/entropy"]!.item < first["discriminator/entropy"]!.item)
    #expect(discriminator(windows, same).mean().item > discriminator(windows, other).mean().item)
  }
}

@Suite struct PolicyGradientTests {
  private let logits = Tensor.normal([5, 3, 4], using: RandomSource(Seed(1)))
  private let actions = (Tensor.uniform([5, 3], using: RandomSource(Seed(2))) * 4).to(.int64)
  private let advantage = Tensor.normal([5, 3], using: RandomSource(Seed(3)))

  /// On the policy that drew the actions, both objectives point the same way.
  @Test func clippingChangesNothingAtFirst() throws {
    let leaf = logits.requiringGradient()
    let drawnWith = Categorical(logits: logits).logProbability(of: actions)
    let clipped = clippedActorLoss(
      policy: Categorical(logits: leaf), action: actions, drawnWith: drawnWith, advantage: advantage, clip: 0.2, entropyWeight: 0.1)
    let plain = actorLoss(policy: Categorical(logits: leaf), action: actions, advantage: advantage, entropyWeight: 0.1)
    let (a, b) = (try #require(gradients(of: clipped, withRespectTo: [leaf])[0]), try #require(gradients(of: plain, withRespectTo: [leaf])[0]))
    #expect(zip(a.values(as: Float.self), b.values(as: Float.self)).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  /// Where the ratio has gone too far in the direction of the advantage, nothing pulls it on.
  @Test func clippingStopsWhatHasGoneFar() throws {
    let leaf = logits.requiringGradient()
    let policy = Categorical(logits: leaf)
    let far = policy.logProbability(of: actions) - 1  // now e times as probable as when they were drawn
    let loss = clippedActorLoss(policy: policy, action: actions, drawnWith: far, advantage: advantage, clip: 0.2, entropyWeight: 0)
    let gradient = try #require(gradients(of: loss, withRespectTo: [leaf])[0])
    let (pull, sign): ([Float], [Float]) = (gradient.magnitude().sum(over: -1).values(), advantage.values())
    for (pull, sign) in zip(pull, sign) { #expect((pull == 0) == (sign > 0)) }
  }
}
