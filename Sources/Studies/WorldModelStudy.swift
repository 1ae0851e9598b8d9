import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Torch
import Training
import WorldModel

/// Is a world model good enough to learn in? Asked of recordings, before an agent is trained: does it predict, does it
/// answer to actions, does it use its latent state, and has it seen what the expert sees?
public struct WorldModelStudy: Codable, Sendable {
  /// Dreams under the recorded actions beside the recording itself, by step after the last frame that was seen.
  public struct OpenLoop: Codable, Sendable {
    /// Sequences whose episode goes on so far; means are over them.
    public let sequences: [Int]
    /// Loss of what is seen of eq 10, half the squared error of normalised pixels summed over a frame: of the dream's
    /// frame, of repeating the last one seen, and of the mean of all frames seen, which is what there is to say without
    /// knowing anything.
    public let error, stillError, meanError: [Double]
    /// 1 minus the reward of eq 8 of `(h, z)` against the state inferred from the true frames: of the dream, and of the
    /// last state inferred.
    public let drift, stillDrift: [Double]
  }

  /// What dreams under some actions earn of eq 8 against the states inferred from the true frames.
  public struct Answer: Codable, Sendable {
    /// `recorded`, `random`, or `always` one action.
    public let actions: String
    /// Mean by step.
    public let reward: [Double]
    /// How often the recorded actions earn more at the last step from the same start (ties count half): 0.5 says that
    /// the model does not tell them apart.
    public let separation: Double
    /// Mean loss at the last step.
    public let error: Double
    /// How often the recorded actions have the lower loss there. Other than latents, which a model makes itself, frames
    /// come from outside.
    public let errorSeparation: Double
  }

  /// What each of the S groups of `z` says, over the frames after those that a sequence begins with.
  public struct Groups: Codable, Sendable {
    /// KL(posterior ‖ prior) in nats, `[S]`: what a frame says beyond what was expected.
    public let divergence: [Double]
    /// Entropy of the mean posterior minus the mean of its entropy, in nats, `[S]`: what the group says about the
    /// state, expected or not.
    public let information: [Double]
    /// Classes in use, `[S]`: exp of the mean posterior's entropy.
    public let classes: [Double]
    /// Groups that say less than `collapsedBelow`.
    public let collapsed: Int

    /// Nats of information.
    static let collapsedBelow = 0.01
  }

  /// Recordings among those that were asked about which the model was trained on: what it predicts of them says less
  /// than of others.
  public let seenInTraining: [String]
  public let openLoop: OpenLoop
  /// Under recorded actions, random ones, and each one alone.
  public let answers: [Answer]
  public let groups: Groups
  /// Nil without expert episodes.
  public let coverage: Coverage?
  /// Nil without expert episodes of two steps or more.
  public let grade: ModelGrade?
  public let advice: [String]

  /// Sequences, how many of them are looked at together, and the frames that the model sees of each before it dreams.
  static let (sequences, batch, context) = (512, 32, 16)
  /// Expert episodes that are encoded for the grade, and gradient steps of the clone beside it.
  private static let (gradedEpisodes, cloningSteps) = (8, 500)

  /// - Parameters:
  ///   - data: recordings of the model's environment, best such as it was not trained on; sequences begin anywhere in
  ///     them.
  ///   - expert: expert episodes, to be told how many of their states are like those that the model was trained on; nil
  ///     to leave that out.
  ///   - steps: how far the model dreams, in environment steps.
  /// - Throws: `ExperimentError`, `DemonstrationError` or `ImitationError` where a dataset does not fit the model, or
  ///   its episodes are too short or too few; `ExperimentError.trainingDataGone` where the expert is to be compared
  ///   with what is not there any more.
  public init(
    _ world: LoadedWorldModel, data: [Dataset], expert: Dataset?, steps: Int, seed: UInt64, _ compute: Compute
  ) throws {
    let model = world.model
    for dataset in data + (expert.map { [$0] } ?? []) { try dataset.checkFits(model.observation, model.actions) }
    let longest = data.flatMap(\.episodes).map(\.length).max() ?? 0
    guard longest >= steps else { throw ImitationError.episodesTooShort(required: steps, longest: longest) }
    let known = world.record.details.data.map(\.fingerprint)
    seenInTraining = try data.filter { dataset in try known.contains { try dataset.wasFingerprinted(as: $0) } }.map(
      \.name)
    for name in seenInTraining {
      Observer.warn("\(name): the world model was trained on it, so that it predicts it better than others")
    }
    let learned = expert == nil ? [] : try world.trainingData()
    let seed = Seed(seed).stream("world model")
    let sampler = try SequenceSampler(
      data.map { EpisodeSelection($0) }, batch: Self.batch, length: Self.context + steps, sampling: .frames,
      seed: seed.stream("sequences"))
    var dreams: [OpenDreams] = []
    let progress = ProgressMeter("dreaming", total: Self.sequences / Self.batch)
    for step in 0..<Self.sequences / Self.batch {
      dreams.append(
        OpenDreams(
          model, try sampler.batch(step: step), after: Self.context, seed: seed.stream("dreams").step(step),
          compute.precision))
      progress.update(step + 1)
    }
    let all = OpenDreams(joining: dreams)
    (openLoop, answers) = (try OpenLoop(all), all.answers)
    groups = Groups(posterior: model.classes(all.posteriorLogits), prior: model.classes(all.priorLogits))
    coverage = try expert.map {
      try Coverage(of: $0, by: learned, model, seed: seed.stream("coverage"), compute)
    }
    grade = try expert.flatMap { try Self.grade(world, $0, steps: steps, seed: seed.stream("grade"), compute) }
    advice = Self.advice(openLoop, answers, groups, coverage, grade)
  }

  /// The grade on some of the expert's episodes, beside a clone of the others where there are any.
  private static func grade(
    _ world: LoadedWorldModel, _ expert: Dataset, steps: Int, seed: Seed, _ compute: Compute
  ) throws -> ModelGrade? {
    let count = min(gradedEpisodes, expert.episodes.count)
    let latents = try LatentCache(world, compute.precision).latents(of: expert, episodes: 0..<count, on: compute.device)
    let graded = count > 1 ? latents.episodes(Array(count / 2..<count)) : latents
    guard (graded.lengths.max() ?? 0) > 1 else { return nil }
    var clone: ((Tensor) -> ActionDistribution)?
    if count > 1 {
      let cloner = try DBC(
        world.model, CloningConfiguration(), PolicySizes(), expert: latents.episodes(Array(0..<count / 2)), seed: seed)
      for step in 0..<cloningSteps { _ = cloner.update(step: step, progress: Double(step) / Double(cloningSteps)) }
      clone = cloner.policy
    }
    return try ModelGrade(
      of: Imagination(world.model, compute.precision), on: graded, compared: RewardConfiguration().compared,
      horizon: steps,
      seed: seed,
      policy: clone)
  }
}

extension LoadedWorldModel {
  /// The recordings that its run names.
  /// - Throws: `ExperimentError.trainingDataGone`.
  fileprivate func trainingData() throws -> [Dataset] {
    do { return try record.details.openData(seeing: configuration.observation) } catch DemonstrationError.missing(
      let path), ExperimentError.dataChanged(let path, _)
    {
      throw ExperimentError.trainingDataGone(path)
    }
  }
}

extension WorldModelStudy.OpenLoop {
  /// - Throws: `ImitationError.episodesTooShort` where no sequence goes on to the last step.
  init(_ dreams: OpenDreams) throws {
    sequences = try dreams.counts()
    (error, stillError, meanError) = (
      dreams.means(dreams.error), dreams.means(dreams.stillError), dreams.means(dreams.meanError)
    )
    (drift, stillDrift) = (dreams.means(1 - dreams.rewards[0]), dreams.means(1 - dreams.stillReward))
  }
}

extension WorldModelStudy.Groups {
  /// - Parameters: of states `[…]`, `[…, S, K]`.
  init(posterior q: Categorical, prior p: Categorical) {
    let shape = q.logProbabilities.shape.suffix(2)
    let (groups, count) = (shape.first!, shape.last!)
    let means = { (values: Tensor, width: Int) -> [Double] in
      values.reshaped([-1, groups * width]).mean(over: 0).values()
    }
    divergence = means(q.divergence(from: p), 1)
    let mean = means(q.probabilities, count)
    let entropies = (0..<groups).map { group in
      mean[group * count..<(group + 1) * count].reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
    }
    information = zip(entropies, means(q.entropy, 1)).map { max($0 - $1, 0) }
    classes = entropies.map { exp($0) }
    collapsed = information.count { $0 < Self.collapsedBelow }
  }
}

extension WorldModelStudy {
  /// Share that predictions may leave of the error of the last frame and of the mean frame.
  private static let mostError = 0.9
  /// How often dreams under the recorded actions should at least be closer to the recording than those under random
  /// ones, by latents and by frames.
  private static let leastSeparation = 0.6
  /// Share of the groups of `z` that may be collapsed.
  private static let mostCollapsed = 0.5
  /// Share of the expert's states that what the model was trained on should cover.
  private static let leastCoverage = 0.8

  /// What speaks against learning in the model, and what to do about it.
  static func advice(
    _ openLoop: OpenLoop, _ answers: [Answer], _ groups: Groups, _ coverage: Coverage?, _ grade: ModelGrade?
  ) -> [String] {
    var found: [String] = []
    if let step = firstWorse(
      openLoop.error, than: zip(openLoop.stillError, openLoop.meanError).map { mostError * min($0, $1) })
    {
      found.append(
        """
        From step \(step) on, frames are predicted hardly better than by repeating the last one or by the mean of all: train the world model longer or on \
        more data, or imagine fewer steps.
        """)
    }
    if let step = firstWorse(openLoop.drift, than: openLoop.stillDrift) {
      found.append(
        "From step \(step) on, latents drift further than if they stood still: train the world model longer, or imagine fewer steps."
      )
    }
    let random = answers.first { $0.actions == "random" }!
    let separation = min(random.separation, random.errorSeparation)
    if separation < leastSeparation {
      found.append(
        """
        Dreams under random actions are as close to the recording as those under its own (further in only \(percent(separation)) of cases): the model hardly \
        answers to actions, and nothing can be learned in it; train it longer, on more varied actions, or with pixels.scaling=perPixel.
        """)
    }
    if Double(groups.collapsed) > mostCollapsed * Double(groups.information.count) {
      found.append(
        "\(groups.collapsed) of \(groups.information.count) groups of z are collapsed: lower loss.klWeight or model.groups."
      )
    }
    if let share = coverage?.share, share < leastCoverage {
      found.append(
        "Only \(percent(share)) of the expert's states are covered by what the model was trained on: record more like them, and train it on those too."
      )
    }
    if let advice = grade?.advice { found.append("By the grade \(advice).") }
    return found.isEmpty ? ["Nothing speaks against learning in it."] : found
  }

  /// The step from which on `errors` are mostly not below `others`; nil where there is none.
  private static func firstWorse(_ errors: [Double], than others: [Double]) -> Int? {
    let worse = zip(errors, others).map { $0 >= $1 }
    return worse.indices.first { worse[$0] && 2 * worse[$0...].count { $0 } > worse.count - $0 }.map { $0 + 1 }
  }

  static func percent(_ share: Double) -> String { String(format: "%.0f %%", 100 * share) }
}

extension WorldModelStudy: CustomStringConvertible {
  public var description: String {
    // Whatever its sign.
    let format = { (format: String, value: Double) in value.isNaN ? "nan" : String(format: format, value) }
    let number = { (digits: Int, value: Double) in format("%.\(digits)f", value) }
    let steps = openLoop.sequences.indices.map { k in
      ["\(k + 1)", "\(openLoop.sequences[k])"]
        + [openLoop.error, openLoop.stillError, openLoop.meanError].map { format("%.3g", $0[k]) }
        + [openLoop.drift, openLoop.stillDrift].map { number(3, $0[k]) }
    }
    let rewardRows = answers.map {
      [$0.actions] + [$0.reward.mean, $0.reward.last!, $0.separation].map { number(3, $0) } + [
        format("%.3g", $0.error), number(3, $0.errorSeparation),
      ]
    }
    let used = [
      ("KL, nats", groups.divergence), ("information, nats", groups.information), ("classes used", groups.classes),
    ].map { name, values in
      [name] + [0, 0.5, 1].map { number(3, quantile($0, ofSorted: values.sorted())) } + [number(3, values.mean)]
    }
    var parts = [
      "\(TextTable(columns: ["step", "sequences", "error", "last frame", "mean frame", "drift", "last state"], rows: steps))",
      "\(TextTable(columns: ["actions", "reward", "at the last step", "recorded earn more", "error", "recorded show it better"], rows: rewardRows))",
      """
      \(TextTable(columns: ["\(groups.classes.count) groups of z", "least", "median", "most", "mean"], rows: used))
      collapsed: \(groups.collapsed), which say less than \(Groups.collapsedBelow) nats about the state
      """,
    ]
    if let coverage { parts.append("\(coverage)") }
    if let grade { parts.append("\(grade)") }
    if !seenInTraining.isEmpty {
      parts.append(
        "The model was trained on \(seenInTraining.joined(separator: ", ")): of other recordings it predicts less.")
    }
    return (parts + [advice.joined(separator: "\n")]).joined(separator: "\n\n")
  }

  /// Frames beside the last and the mean one, latents beside standing still, what actions earn, and what each group of
  /// `z` says.
  public var picture: String {
    let line = { (name: String, values: [Double]) in
      LineChart.Series(name, values.enumerated().map { .init(x: Double($0 + 1), y: $1) })
    }
    return LineChart.svg([
      LineChart(
        title: "open loop", xLabel: "imagined steps", yLabel: "error",
        series: [
          line("model", openLoop.error), line("last frame", openLoop.stillError),
          line("mean frame", openLoop.meanError),
        ]),
      LineChart(
        title: "latent drift", xLabel: "imagined steps", yLabel: "1 − eq 8",
        series: [line("model", openLoop.drift), line("last state", openLoop.stillDrift)]),
      LineChart(
        title: "actions", xLabel: "imagined steps", yLabel: "eq 8", series: answers.map { line($0.actions, $0.reward) }),
      LineChart(
        title: "groups of z", xLabel: "group", yLabel: "nats",
        series: [line("KL", groups.divergence), line("information", groups.information)]),
    ])
  }
}
