import Settings
import Torch
import WorldModel

/// Expert episodes as the world model sees them. One that was encoded several times is several episodes.
public struct ExpertLatents {
  /// `h`, `[N, D]`: all states of all episodes, one after the other.
  public let deterministic: Tensor
  /// Class indices of the `z` that each state's successor was encoded after, `uint8` `[N, S]`.
  public let classes: Tensor
  /// The posterior's probabilities of all classes, bf16 `[N, S·K]`, from which `z` can be drawn anew; nil where they
  /// were not kept.
  public let probabilities: Tensor?
  /// The expert's action in each state, `[N, W]`; classes −1 and zeros in an episode's last one.
  public let actions: Tensor
  /// Numbers of states of the episodes.
  public let lengths: [Int]
  let classCount: Int

  public init(
    deterministic: Tensor, classes: Tensor, probabilities: Tensor? = nil, actions: Tensor, lengths: [Int],
    classCount: Int
  ) {
    self.deterministic = deterministic
    self.classes = classes
    self.probabilities = probabilities
    self.actions = actions
    self.lengths = lengths
    self.classCount = classCount
  }

  /// The states at `indices` (`int64`, any shape): `[…, D]` and `[…, S·K]`.
  /// - Parameter random: draws `z` anew, where probabilities were kept; nil for the classes that were drawn when it was
  ///   encoded.
  public func states(at indices: Tensor, using random: RandomSource? = nil) -> LatentState {
    let flat = indices.reshaped(-1)
    let h = deterministic.taking(flat).to(.float32)
    return LatentState(
      deterministic: h.reshaped(indices.shape + [deterministic.shape[1]]),
      stochastic: classes(at: flat, using: random).oneHot(classCount).reshaped(
        indices.shape + [classes.shape[1] * classCount]))
  }

  /// Class indices `[n, S]` at indices `[n]`.
  private func classes(at indices: Tensor, using random: RandomSource?) -> Tensor {
    guard let random, let probabilities else { return classes.taking(indices) }
    let shape = [indices.count, classes.shape[1], classCount]
    let p = probabilities.taking(indices).to(.float32).reshaped(shape)
    return (p / .exponential(shape, using: random)).argmax(over: -1)
  }

  /// The same, whose states are always those that were drawn when it was encoded.
  public var fixed: ExpertLatents {
    ExpertLatents(
      deterministic: deterministic, classes: classes, actions: actions, lengths: lengths, classCount: classCount)
  }

  /// The deviation of each number of `h` over the states, or over many of them, `[D]`.
  var deviation: Tensor {
    let some = Tensor(
      stride(from: 0, to: count, by: max(1, count / 16_384)).map(Int64.init), [(count - 1) / max(1, count / 16_384) + 1]
    )
    let h = deterministic.taking(some.to(deterministic.device)).to(.float32)
    return (h - h.mean(over: 0)).squared().mean(over: 0).squareRoot()
  }

  /// Of all episodes together.
  public var count: Int { deterministic.shape[0] }

  /// The states of a range of all of them, `[…, D]` and `[…, S·K]`.
  public func states(_ range: Range<Int>) -> LatentState {
    states(at: Tensor(range.map(Int64.init), [range.count], on: deterministic.device))
  }

  /// Some of the episodes, in this order.
  public func episodes(_ chosen: [Int]) -> ExpertLatents {
    ExpertLatents(
      joining: chosen.map { index in
        let places = places(ofEpisode: index)
        return ExpertLatents(
          deterministic: deterministic.sliced(places), classes: classes.sliced(places),
          probabilities: probabilities?.sliced(places),
          actions: actions.sliced(places), lengths: [places.count], classCount: classCount)
      })
  }

  /// Where an episode's states are among all.
  public func places(ofEpisode index: Int) -> Range<Int> {
    let start = lengths[..<index].reduce(0, +)
    return start..<start + lengths[index]
  }

  /// The episodes of all, one after the other.
  public init(joining parts: [ExpertLatents]) {
    // What lies in a file stays there.
    if parts.count == 1 {
      self = parts[0]
      return
    }
    self.init(
      deterministic: concatenated(parts.map(\.deterministic), axis: 0),
      classes: concatenated(parts.map(\.classes), axis: 0),
      probabilities: parts.contains { $0.probabilities == nil }
        ? nil : concatenated(parts.map { $0.probabilities! }, axis: 0),
      actions: concatenated(parts.map(\.actions), axis: 0), lengths: parts.flatMap(\.lengths),
      classCount: parts[0].classCount)
  }

  /// Places of states in which the expert did something: all but the last of each episode.
  var stepsByEpisode: [Range<Int>] {
    var offset = 0
    return lengths.map { length in
      defer { offset += length }
      return offset..<offset + length - 1
    }
  }
  var steps: [Int] { stepsByEpisode.flatMap { $0 } }

  /// The states at some places and the actions there, `[N, …]` and `[N, W]`.
  func pairs(at places: [Int]) -> (states: LatentState, actions: Tensor) {
    let indices = Tensor(places.map(Int64.init), [places.count], on: deterministic.device)
    return (states(at: indices), actions.taking(indices))
  }

  /// Where windows of `count` states can start, episode by episode: each lies within one.
  func windowStarts(of count: Int) -> [ClosedRange<Int>] {
    var (starts, offset) = ([ClosedRange<Int>](), 0)
    for length in lengths {
      if length >= count { starts.append(offset...offset + length - count) }
      offset += length
    }
    return starts
  }
}

extension Range<Int> {
  /// So many numbers each, one after the other; the last may have fewer.
  func pieces(of count: Int) -> [Range] {
    stride(from: lowerBound, to: upperBound, by: count).map { $0..<Swift.min($0 + count, upperBound) }
  }
}

/// Consecutive expert states: `[H + 1, B, …]` and the expert's actions between them, `[H, B, W]`.
public struct LatentWindows {
  public let states: LatentState
  public let actions: Tensor

  public init(states: LatentState, actions: Tensor) {
    self.states = states
    self.actions = actions
  }
}

/// Draws windows of expert states. Source: DITTO, Algorithm 1, line 10.
public struct WindowSampler {
  private let latents: ExpertLatents
  /// Where windows can start, and those among them where episodes do.
  private let starts: [Int]
  private let episodeStarts: [Int]
  private let startShare: Double
  private let horizon: Int
  private let batch: Int
  private let copies: Int
  private let seed: Seed

  /// - Parameters:
  ///   - horizon: imagined steps `H`; a window has H + 1 states.
  ///   - copies: how often each window comes, its copies side by side; divides `batch`.
  ///   - startShare: the share of windows that start where an episode does; the others start anywhere, each place as
  ///     likely.
  /// - Throws: `ImitationError.episodesTooShort` where no episode has that many.
  public init(_ latents: ExpertLatents, horizon: Int, batch: Int, copies: Int = 1, seed: Seed, startShare: Double = 0)
    throws
  {
    let ranges = latents.windowStarts(of: horizon + 1)
    (starts, episodeStarts) = (ranges.flatMap { $0 }, ranges.map(\.lowerBound))
    self.startShare = startShare
    guard !starts.isEmpty else {
      throw ImitationError.episodesTooShort(required: horizon, longest: (latents.lengths.max() ?? 1) - 1)
    }
    (self.latents, self.horizon, self.batch, self.copies, self.seed) = (latents, horizon, batch, copies, seed)
  }

  /// The windows of gradient step `step`: a function of the seed and the step alone.
  public func windows(step: Int) -> LatentWindows {
    var generator = seed.step(step).generator
    let random =
      latents.probabilities == nil
      ? nil : RandomSource(seed.stream("classes").step(step), on: latents.deterministic.device)
    let sampled = (0..<batch / copies).map { _ in
      (Double.random(in: 0..<1, using: &generator) < startShare ? episodeStarts : starts).randomElement(
        using: &generator)!
    }
    let taken = Tensor(sampled.map(Int64.init), [sampled.count, 1], on: latents.deterministic.device)
    return windows(at: taken.expanded([taken.shape[0], copies]), using: random)
  }

  /// Windows that start at `chosen` (`int64`, any shape).
  private func windows(at chosen: Tensor, using random: RandomSource?) -> LatentWindows {
    let batch = chosen.count
    let indices =
      chosen.reshaped(1, batch) + Tensor((0...horizon).map(Int64.init), [horizon + 1, 1], on: chosen.device)
    let actions = latents.actions.taking(indices.dropLast().reshaped(-1)).unflattened([horizon, batch])
    return LatentWindows(states: latents.states(at: indices, using: random), actions: actions)
  }
}
