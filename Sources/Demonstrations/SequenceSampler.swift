import Settings
import Spaces

/// Where training sequences start.
public enum SequenceSampling: String, Codable, CaseIterable, Sendable {
  /// In an episode drawn at random, each as likely, and anywhere in it: short episodes, which end because something
  /// went wrong, are seen as often as long ones.
  case episodes
  /// At a frame drawn at random, each as likely.
  case frames
  /// At equal distances at first, then each where it ended before, until all frames were seen. The paper's authors do
  /// so.
  case continuing
}

/// Draws training sequences from episodes laid end to end, in an order shuffled once. A sequence may run on into the
/// next episode, and from the last into the first.
///
/// A batch depends on nothing but the sampler's arguments and the step's number: a run that resumes needs no state of
/// it.
public struct SequenceSampler: Sendable {
  public let observation: ObservationSpace
  public let actions: ActionSpace
  /// All selected frames, `T + 1` for each episode of `T` steps.
  public let frameCount: Int
  /// Gradient steps until every frame was seen once, where sequences continue.
  public let stepsPerEpoch: Int

  private let episodes: [(dataset: Dataset, episode: EpisodeInfo)]
  /// Where each episode begins in the concatenation.
  private let starts: [Int]
  private let batch: Int
  private let length: Int
  private let sampling: SequenceSampling
  private let seed: Seed

  /// - Parameters:
  ///   - selections: of datasets with the same observations and actions.
  ///   - batch: sequences per gradient step, at least 1.
  ///   - length: frames per sequence, at least 1.
  /// - Throws: `nothingSelected`, `spacesDiffer`, `episodesTooShort`.
  public init(_ selections: [EpisodeSelection], batch: Int, length: Int, sampling: SequenceSampling, seed: Seed) throws
  {
    precondition(
      batch >= 1 && length >= 1, "a batch is \(batch) sequences of \(length) frames, both must be at least 1")
    try selections.check()
    observation = selections[0].dataset.observation
    actions = selections[0].dataset.actions
    var order = seed.stream("order").generator
    episodes = selections.allEpisodes.shuffled(using: &order)
    var end = 0
    starts = episodes.map { start in
      defer { end += start.episode.frameCount }
      return end
    }
    frameCount = end
    guard frameCount >= length else { throw DemonstrationError.episodesTooShort(required: length, found: frameCount) }
    let share = (frameCount + batch - 1) / batch
    stepsPerEpoch = (share + length - 1) / length
    (self.batch, self.length, self.sampling, self.seed) = (batch, length, sampling, seed)
  }

  /// The sequences of gradient step `step`, counted from 0.
  /// - Throws: `damagedField`.
  public func batch(step: Int) throws -> SequenceBatch {
    let stepOfEpoch = step % stepsPerEpoch
    let continues = sampling == .continuing
    return try SequenceBatch(
      rows: startFrames(step: step).map(segments), length: length, observation: observation,
      startsEpoch: !continues || stepOfEpoch == 0, continues: continues && stepOfEpoch < stepsPerEpoch - 1)
  }

  /// - Throws: `changedInUse` where batches are, or may be, of other frames than those that were there.
  public func checkUnchanged() throws {
    var seen = Set<ObjectIdentifier>()
    for (dataset, _) in episodes where seen.insert(ObjectIdentifier(dataset)).inserted { try dataset.checkUnchanged() }
  }

  /// Where in the concatenation each sequence starts, `[B]`.
  private func startFrames(step: Int) -> [Int] {
    switch sampling {
    case .episodes:
      var generator = seed.step(step).generator
      return (0..<batch).map { _ in
        let index = Int.random(in: 0..<episodes.count, using: &generator)
        return starts[index] + Int.random(in: 0..<episodes[index].episode.frameCount, using: &generator)
      }
    case .frames:
      var generator = seed.step(step).generator
      return (0..<batch).map { _ in Int.random(in: 0..<frameCount, using: &generator) }
    case .continuing:
      let (epoch, stepOfEpoch) = step.quotientAndRemainder(dividingBy: stepsPerEpoch)
      var generator = seed.step(epoch).generator
      let offset = Int.random(in: 0..<frameCount, using: &generator)
      return (0..<batch).map { row in (offset + row * frameCount / batch + stepOfEpoch * length) % frameCount }
    }
  }

  /// The `length` frames from `start` on.
  private func segments(from start: Int) -> [Segment] {
    var (index, frame) = position(of: start)
    var (segments, missing) = ([Segment](), length)
    while missing > 0 {
      let (dataset, episode) = episodes[index]
      let end = min(frame + missing, episode.frameCount)
      segments.append(Segment(dataset: dataset, episode: episode, frames: frame..<end))
      missing -= end - frame
      (index, frame) = ((index + 1) % episodes.count, 0)
    }
    return segments
  }

  /// The episode that a frame of the concatenation belongs to, and its number there.
  private func position(of frame: Int) -> (episode: Int, frame: Int) {
    var (low, high) = (0, starts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= frame { low = middle } else { high = middle }
    }
    return (low, frame - starts[low])
  }
}
