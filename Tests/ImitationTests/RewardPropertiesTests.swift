import Foundation
import Settings
import Spaces
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
  private let same: Rollout
  /// Goes elsewhere, under other actions.
  private let other: Rollout

  init() throws {
    var sizes = LatentSizes()
    (sizes.deterministic, sizes.groups, sizes.classes) = (Self.size, Self.groups, Self.classes)
    let random = RandomSource(Seed(1))
    latents = ExpertLatents(
      deterministic: tanh(.normal([40, Self.size], using: random)),
      classes: (Tensor.uniform([40, Self.groups], using: random) * Double(Self.classes)).to(.uint8),
      actions: ActionSpace.discrete(3).uniform([40], using: random), lengths: [40], classCount: Self.classes)
    context = RewardContext(expert: latents, sizes: sizes, actions: 3, seed: Seed(2))
    windows = try WindowSampler(latents, horizon: Self.horizon, batch: Self.batch, seed: Seed(3)).windows(step: 0)
    same = Rollout(states: windows.states, actions: windows.actions)
    let shape = [Self.horizon + 1, Self.batch]
    let z = (Tensor.uniform(shape + [Self.groups], using: random) * Double(Self.classes)).to(.int64).oneHot(
      Self.classes)
    other = Rollout(
      states: LatentState(
        deterministic: tanh(.normal(shape + [Self.size], using: random)),
        stochastic: z.reshaped(shape + [Self.groups * Self.classes])),
      actions: ActionSpace.discrete(3).uniform([Self.horizon, Self.batch], using: random))
  }

  private func earned(_ kind: RewardKind, _ dream: Rollout, _ change: (inout RewardConfiguration) -> Void = { _ in })
    throws -> [Float]
  {
    var c = RewardConfiguration()
    c.weights[.dot] = 0
    c.weights[kind] = 1
    change(&c)
    let reward = try c.reward(context)(windows, dream)
    #expect(reward.shape == [Self.horizon, Self.batch])
    return reward.values()
  }

  private func scaled(_ dream: Rollout, by factor: Double) -> Rollout {
    Rollout(
      states: LatentState(
        deterministic: dream.states.deterministic * factor, stochastic: dream.states.stochastic * factor),
      actions: dream.actions)
  }

  @Test(arguments: [RewardKind.dot, .l2, .cosine, .nearest, .sparse], ComparedState.allCases)
  func isOneForTheExpertAndNoMoreForOthers(kind: RewardKind, compared: ComparedState) throws {
    #expect(try earned(kind, same) { $0.compared = compared }.allSatisfy { abs($0 - 1) < 1e-5 })
    let others = try earned(kind, other) { $0.compared = compared }
    #expect(others.allSatisfy { $0 <= 1 + 1e-5 } && others.contains { $0 < 0.9 })
  }

  @Test func staysInItsRange() throws {
    for (kind, range): (RewardKind, ClosedRange<Float>) in [
      (.dot, -1...1), (.l2, 0...1), (.cosine, -1...1), (.sparse, 0...1), (.gail, 0...1), (.contrast, -2...2),
    ] {
      for dream in [same, other, scaled(other, by: -3)]
      where kind != .sparse || dream.states.stochastic.values(as: Float.self).allSatisfy({ $0 >= 0 }) {
        #expect(
          try earned(kind, dream).allSatisfy { $0 >= range.lowerBound - 1e-5 && $0 <= range.upperBound + 1e-5 },
          "\(kind)")
      }
    }
    #expect(Set(try earned(.sparse, other)).isSubset(of: [0, 1]))
    #expect(try earned(.gail, other) { $0.discriminator.reward = .logarithm }.allSatisfy { $0 >= 0 })
  }

  /// Cosine does not notice a learner of twice the length; the others do.
  @Test func onlyCosineIsTheSameAtAnyScale() throws {
    let (one, two) = (try earned(.cosine, other), try earned(.cosine, scaled(other, by: 2)))
    #expect(zip(one, two).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(try earned(.dot, scaled(same, by: 2)).allSatisfy { abs($0 - 0.5) < 1e-5 })
    #expect(try earned(.l2, scaled(same, by: 3)).allSatisfy { abs($0 - 0.5) < 1e-5 })
  }

  /// It is the same where both are longer by a factor, and 0 where they are opposite.
  @Test func l2ForgetsACommonScale() {
    let (a, b) = (
      Tensor.normal([9, 5], using: RandomSource(Seed(4))), Tensor.normal([9, 5], using: RandomSource(Seed(5)))
    )
    let (one, many): ([Float], [Float]) = (
      l2Reward(expert: a, learner: b).values(), l2Reward(expert: a * 7, learner: b * 7).values()
    )
    #expect(zip(one, many).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(l2Reward(expert: a, learner: a * -2).values(as: Float.self).allSatisfy { abs($0) < 1e-5 })
  }

  /// The nearest of all is at least as near as the one at the same time.
  @Test(arguments: Distance.allCases) func nearestIsNoLessThanMatching(distance: Distance) throws {
    let nearest = try earned(.nearest, other) { ($0.distance, $0.compared) = (distance, .h) }
    let (learner, expert) = (ComparedState.h.reached(other.states), ComparedState.h.reached(windows.states))
    let matching: [Float] = (1 - distance(learner, expert)).values()
    #expect(zip(nearest, matching).allSatisfy { $0 >= $1 - 1e-5 })
    #expect(nearest != matching)
  }

  /// In any expert state, whatever its time: each dream is moved to the window of another.
  @Test(arguments: Distance.allCases) func nearestAsksForNoTime(distance: Distance) throws {
    let (one, rest) = (windows.states.columns(0..<1), windows.states.columns(1..<Self.batch))
    let elsewhere = Rollout(states: .joined(rest, one, axis: 1), actions: windows.actions)
    #expect(try earned(.nearest, elsewhere) { $0.distance = distance }.allSatisfy { abs($0 - 1) < 2e-3 })
    #expect(try earned(.dot, elsewhere).contains { $0 < 0.9 })
  }

  /// In pieces of queries and of rows it finds what one look at all finds.
  @Test(arguments: Distance.allCases) func nearestIsExactInPieces(distance: Distance) {
    let (queries, rows) = (
      Tensor.normal([5000, 6], using: RandomSource(Seed(6))), Tensor.normal([70, 6], using: RandomSource(Seed(7)))
    )
    let found: [Int64] = nearest(queries, among: 70, by: distance, atOnce: 40_000) { rows.sliced($0) }.values()
    let all = distance(queries.reshaped(5000, 1, 6), rows.reshaped(1, 70, 6))
    let (least, chosen): ([Float], [Float]) = (
      (-((-all).max(over: 1))).values(), all.gathering(Tensor(found, [5000, 1]), axis: 1).reshaped(-1).values()
    )
    #expect(zip(least, chosen).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test func sparseNeedsTheActionToo() throws {
    let wrong = Rollout(states: same.states, actions: same.actions + 1)
    let right = try earned(.sparse, same), others = try earned(.sparse, wrong)
    #expect(right.allSatisfy { $0 == 1 } && others.contains(0))
    // Fewer classes need to be the same: no less reward.
    let loose = try earned(.sparse, other) { $0.sameShare = 0.3 }
    #expect(zip(loose, try earned(.sparse, other)).allSatisfy { $0 >= $1 } && loose.contains(1))
  }

  /// Who follows another part of the expert's episodes earns about nothing by it, though by equation 8 a good deal.
  @Test func contrastSubtractsWhatAnyStateEarns() throws {
    let one = windows.states.columns(0..<1), rest = windows.states.columns(1..<Self.batch)
    let elsewhere = Rollout(states: .joined(rest, one, axis: 1), actions: windows.actions)
    let mean = { (kind: RewardKind, dream: Rollout) in
      let values = try earned(kind, dream) { $0.compared = .z }
      return values.reduce(0, +) / Float(values.count)
    }
    #expect(try mean(.dot, elsewhere) > 0.15)
    #expect(try abs(mean(.contrast, elsewhere)) < 0.1)
    #expect(try mean(.contrast, same) > 0.6)
    #expect(try earned(.contrast, same) { $0.contrastSamples = 4 } != earned(.contrast, same))
  }

  @Test func theFitSaysHowFarItIsAndCanBeStopped() throws {
    struct Stopped: Error {}
    var c = RewardConfiguration()
    (c.weights[.dot], c.red.steps, c.dril.steps, c.dril.members) = (0, 3, 2, 2)
    for (kind, steps) in [(RewardKind.red, 3), (.dril, 4)] {
      var (own, told) = (c, [Int]())
      own.weights[kind] = 1
      let fit = { (last: Int) in
        told = []
        _ = try own.reward(
          RewardContext(expert: latents, sizes: context.sizes, actions: 3, seed: Seed(2)) {
            told.append($1); if $0 != kind || $2 != steps || $1 == last { throw Stopped() }
          })
      }
      try fit(-1)
      #expect(told == Array(0...steps))
      #expect(throws: Stopped.self) { try fit(1) }
      #expect(told == [0, 1])
    }
  }

  /// The mean over expert states held out of the fit is what it was set to; elsewhere there is less.
  @Test func redIsLargeWhereTheExpertWas() throws {
    var c = RedConfiguration()
    (c.width, c.outputs, c.steps) = (32, 8, 300)
    let red = try RedReward(c, context)
    let (own, others): ([Float], [Float]) = (red(windows, same).values(), red(windows, scaled(other, by: 4)).values())
    #expect((own + others).allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect(own.reduce(0, +) > 2 * others.reduce(0, +))
    // Of 40 states three runs of steps are made: the last is held out, and earns what was asked for.
    let (learned, heldOut) = RedReward.split(latents)
    #expect((learned + heldOut).sorted() == latents.steps && heldOut == Array(32..<39))
    let (states, actions) = latents.pairs(at: heldOut)
    let unseen = Rollout(
      states: .joined(
        LatentState(
          deterministic: states.deterministic.reshaped(1, heldOut.count, -1),
          stochastic: states.stochastic.reshaped(1, heldOut.count, -1)),
        LatentState(
          deterministic: states.deterministic.reshaped(1, heldOut.count, -1),
          stochastic: states.stochastic.reshaped(1, heldOut.count, -1)), axis: 0),
      actions: actions.reshaped(1, heldOut.count, 1))
    #expect(abs(red(windows, unseen).mean().item - c.expertMean) < 1e-3)
    // Fitted once more it is the same to the bit, as a run that resumes needs it.
    #expect(
      try RedReward(c, context)(windows, other).values(as: Float.self) == red(windows, other).values(as: Float.self))
    for mean in [0.5, 0.9] {
      let distances = [0.1, 3, 7, 0.5]
      let sigma = RedReward.sigma(for: mean, distances: distances)
      #expect(abs(distances.reduce(0) { $0 + exp(-sigma * $1) } / 4 - mean) < 1e-9)
    }
  }

  /// At least the quantile of the expert's own steps earn 1, and nothing earns other than ±1.
  @Test func drilRewardsAgreement() throws {
    var c = DrilConfiguration()
    (c.steps, c.members, c.quantile, c.cloning.batch) = (30, 3, 0.9, 32)
    var policy = PolicySizes()
    (policy.width, policy.hiddenLayers) = (16, 1)
    let dril = try DrilReward(c, policy, context)
    let all = (0...35).map { $0 }
    let (states, actions) = latents.pairs(at: all)
    let stacked = Rollout(
      states: .joined(
        LatentState(
          deterministic: states.deterministic.reshaped(1, 36, -1), stochastic: states.stochastic.reshaped(1, 36, -1)),
        LatentState(
          deterministic: states.deterministic.reshaped(1, 36, -1), stochastic: states.stochastic.reshaped(1, 36, -1)),
        axis: 0),
      actions: actions.reshaped(1, 36, 1))
    let own: [Float] = dril(windows, stacked).values()
    #expect(Set(own + dril(windows, other).values(as: Float.self)).isSubset(of: [-1, 1]))
    #expect(own.filter { $0 == 1 }.count >= 32)
  }

  /// Members never share a step: they get episodes, or windows where episodes are too few, and there is no reward where
  /// those are too few as well.
  @Test func drilPartsAreDisjoint() throws {
    #expect(DrilReward.parts(among: 3, latents) == [0..<16, 16..<32, 32..<39])
    let episodes = ExpertLatents(
      deterministic: latents.deterministic.sliced(0..<33), classes: latents.classes.sliced(0..<33),
      actions: latents.actions.sliced(0..<33), lengths: [10, 11, 12],
      classCount: Self.classes)
    #expect(DrilReward.parts(among: 3, episodes) == [0..<9, 10..<20, 21..<32])
    #expect(DrilReward.parts(among: 4, episodes).allSatisfy { $0.count <= 16 })
    var c = RewardConfiguration()
    (c.weights[.dot], c.weights[.dril], c.dril.members) = (0, 1, 4)
    #expect(throws: ImitationError.tooFewParts(members: 4, found: 3, windowSteps: 16)) { try c.reward(context) }
    c.dril.members = 1
    #expect(throws: ConfigurationError.invalid(["dril.members is 1, must be at least 2"])) { try c.validate() }
  }

  /// Few windows would be learned by heart.
  @Test(arguments: [RewardKind.gail, .airl]) func discriminatorsNeedWindows(kind: RewardKind) throws {
    var c = ImitationConfiguration()
    (c.horizon, c.reward.weights[.dot], c.reward.weights[kind]) = (10, 0, 1)
    let model = sharpWorldModel(actions: 3) {
      ($0.deterministic, $0.groups, $0.classes) = (Self.size, Self.groups, Self.classes)
    }
    #expect(throws: ImitationError.tooFewWindows(required: 32, found: 30, horizon: 10)) {
      try DITTO(model, c, expert: latents, seed: Seed(0))
    }
    c.horizon = 8
    #expect(throws: Never.self) { try DITTO(model, c, expert: latents, seed: Seed(0)) }
  }

  @Test func sumsAreWeighted() throws {
    var c = RewardConfiguration()
    (c.weights[.dot], c.weights[.l2]) = (2, -0.5)
    let reward = try c.reward(context)
    let sum: [Float] = reward(windows, other).values()
    for (found, (dot, l2)) in zip(sum, zip(try earned(.dot, other), try earned(.l2, other))) {
      #expect(abs(found - (2 * dot - 0.5 * l2)) < 1e-5)
    }
    #expect(
      abs(reward.parts(windows, other).means["reward/dot"]!.item - Double(try earned(.dot, other).reduce(0, +)) / 24)
        < 1e-5)
    #expect(RewardWeights(sum: "dot=2,l2=-0.5") == c.weights && RewardWeights(sum: "gail")?.used.map(\.kind) == [.gail])
    for words in ["", "dots", "dot=x", "dot=1,dot=2", "dot=inf", "dot,"] {
      #expect(RewardWeights(sum: words) == nil, "\(words)")
    }
    c.weights[.dot] = 0
    c.weights[.l2] = 0
    #expect(throws: ConfigurationError.self) { try c.validate() }
  }

  /// A discriminator learns to tell the two, and says so; its reward then prefers the expert.
  @Test(arguments: DiscriminatorInput.allCases, AdversarialReward.allCases) func discriminatorLearns(
    input: DiscriminatorInput, reward: AdversarialReward
  ) {
    var c = DiscriminatorConfiguration()
    (c.input, c.width, c.hiddenLayers, c.optimizer.learningRate) = (input, 32, 1, 1e-2)
    let discriminator = Discriminator(c, reward, context)
    let first = discriminator.update(windows, other, progress: 0)
    for _ in 0..<100 { _ = discriminator.update(windows, other, progress: 0) }
    let last = discriminator.update(windows, other, progress: 0)
    #expect(last["discriminator/loss"]!.item < 0.3 * first["discriminator/loss"]!.item)
    #expect(first["discriminator/collapsed"]!.item == 0)
    #expect(
      last["discriminator/accuracy"]!.item > 0.95
        && last["discriminator/entropy"]!.item < first["discriminator/entropy"]!.item)
    #expect(discriminator(windows, same).mean().item > discriminator(windows, other).mean().item)
    for _ in 0..<600 { _ = discriminator.update(windows, other, progress: 0) }
    #expect(discriminator.update(windows, other, progress: 0)["discriminator/collapsed"]!.item == 1)
  }

  /// `log D − log(1 − D)`, which is 0 where it cannot tell.
  @Test func adversarialRewardsAreOfOneLogit() {
    let x: [Float] = [-3, 0, 2]
    let earned = { (reward: AdversarialReward) -> [Float] in reward(Tensor(x, [3])).values() }
    let d = x.map { 1 / (1 + exp(-$0)) }
    for (found, expected) in [
      (earned(.probability), d), (earned(.logarithm), d.map { -log(1 - $0) }),
      (earned(.logit), d.map { log($0) - log(1 - $0) }),
    ] {
      #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-4 })
    }
    #expect(earned(.logit)[1] == 0)
  }
}

@Suite struct PolicyGradientTests {
  private let logits = Tensor.normal([5, 3, 4], using: RandomSource(Seed(1)))
  private let actions = (Tensor.uniform([5, 3], using: RandomSource(Seed(2))) * 4).to(.int64)
  private let advantage = Tensor.normal([5, 3], using: RandomSource(Seed(3)))

  /// On the policy that drew the actions, both objectives point the same way.
  @Test func clippingChangesNothingAtFirst() throws {
    let leaf = logits.requiringGradient()
    let sampledWith = Categorical(logits: logits).logProbability(of: actions)
    let clipped = clippedActorLoss(
      policy: Categorical(logits: leaf), action: actions, sampledWith: sampledWith, advantage: advantage, clip: 0.2,
      entropyWeight: 0.1)
    let plain = actorLoss(policy: Categorical(logits: leaf), action: actions, advantage: advantage, entropyWeight: 0.1)
    let (a, b) = (
      try #require(gradients(of: clipped, withRespectTo: [leaf])[0]),
      try #require(gradients(of: plain, withRespectTo: [leaf])[0])
    )
    #expect(zip(a.values(as: Float.self), b.values(as: Float.self)).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  /// Where the ratio has gone too far in the direction of the advantage, nothing pulls it on.
  @Test func clippingStopsWhatHasGoneFar() throws {
    let leaf = logits.requiringGradient()
    let policy = Categorical(logits: leaf)
    let far = policy.logProbability(of: actions) - 1  // now e times as probable as when they were drawn
    let loss = clippedActorLoss(
      policy: policy, action: actions, sampledWith: far, advantage: advantage, clip: 0.2, entropyWeight: 0)
    let gradient = try #require(gradients(of: loss, withRespectTo: [leaf])[0])
    let (pull, sign): ([Float], [Float]) = (gradient.abs().sum(over: -1).values(), advantage.values())
    for (pull, sign) in zip(pull, sign) { #expect((pull == 0) == (sign > 0)) }
  }

  /// Nor where it has gone too far away from what was bad; and between the bounds gradients are those of finite
  /// differences.
  @Test func clippedGradientsAreThoseOfDifferences() throws {
    let leaf = logits.to(.float64).requiringGradient()
    let shift = Tensor.normal([5, 3], using: RandomSource(Seed(4))).to(.float64) * 0.4
    let sampledWith = Categorical(logits: logits.to(.float64)).logProbability(of: actions) + shift
    let loss = { (x: Tensor) in
      clippedActorLoss(
        policy: Categorical(logits: x), action: actions, sampledWith: sampledWith, advantage: advantage.to(.float64),
        clip: 0.2, entropyWeight: 0.1)
    }
    let found: [Double] = try #require(gradients(of: loss(leaf), withRespectTo: [leaf])[0]).values()
    for index in found.indices {
      var step = [Double](repeating: 0, count: found.count)
      step[index] = 1e-6
      let change = Tensor(step, [5, 3, 4])
      #expect(
        abs((loss(logits.to(.float64) + change).item - loss(logits.to(.float64) - change).item) / 2e-6 - found[index])
          < 1e-6)
    }
    let (policy, bad) = (Categorical(logits: leaf), Tensor.zeros([5, 3]).to(.float64) - 1)
    let gone = policy.logProbability(of: actions) + 1  // now e times less probable than when they were drawn
    let still = clippedActorLoss(
      policy: policy, action: actions, sampledWith: gone, advantage: bad, clip: 0.2, entropyWeight: 0)
    #expect(try #require(gradients(of: still, withRespectTo: [leaf])[0]).values(as: Double.self).allSatisfy { $0 == 0 })
  }
}
