import Spaces

/// Recorded sequences of `T` frames, `B` of them side by side, time first.
public struct SequenceBatch: Equatable, Sendable {
  /// `T`, in frames.
  public let length: Int
  /// `B`.
  public let batch: Int
  public let observation: ObservationSpace
  /// `[T, B]` of them, one after the other.
  public let frames: [UInt8]
  /// `[T, B]`, the action that led **to** each frame; nil at the first of an episode.
  public let previousActions: [Action?]
  /// `[T, B]`, whether a frame is the first of its episode, where memory of what came before has to go.
  public let isFirst: [Bool]
  /// Whether nothing is carried over from the batch before.
  public let startsEpoch: Bool
  /// Whether the sequences of the next batch go on where these end.
  public let continues: Bool

  public init(
    length: Int, batch: Int, observation: ObservationSpace, frames: [UInt8], previousActions: [Action?],
    isFirst: [Bool],
    startsEpoch: Bool = true, continues: Bool = false
  ) {
    (self.length, self.batch, self.observation) = (length, batch, observation)
    (self.frames, self.previousActions, self.isFirst) = (frames, previousActions, isFirst)
    (self.startsEpoch, self.continues) = (startsEpoch, continues)
  }

  /// Steps `range` of the sequences.
  public subscript(_ range: Range<Int>) -> SequenceBatch {
    let (places, size) = (range.lowerBound * batch..<range.upperBound * batch, observation.frameSize)
    return SequenceBatch(
      length: range.count, batch: batch, observation: observation,
      frames: Array(frames[places.lowerBound * size..<places.upperBound * size]),
      previousActions: Array(previousActions[places]), isFirst: Array(isFirst[places]))
  }
}

/// Some frames of an episode.
struct Segment {
  let dataset: Dataset
  let episode: EpisodeInfo
  let frames: Range<Int>
}

extension SequenceBatch {
  /// - Parameter rows: for each sequence its segments, `length` frames in all.
  init(rows: [[Segment]], length: Int, observation: ObservationSpace, startsEpoch: Bool, continues: Bool) throws {
    let (batch, size) = (rows.count, observation.frameSize)
    var previousActions = [Action?](repeating: nil, count: length * batch)
    var isFirst = [Bool](repeating: false, count: length * batch)
    let frames = try [UInt8](unsafeUninitializedCapacity: length * batch * size) { buffer, initialized in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      for (row, segments) in rows.enumerated() {
        var t = 0
        for segment in segments {
          try segment.dataset.forEachFrame(episode: segment.episode.index, range: segment.frames) { index, frame in
            let (position, moment) = ((t + index) * batch + row, segment.frames.lowerBound + index)
            UnsafeMutableRawBufferPointer(rebasing: bytes[position * size..<(position + 1) * size]).copyMemory(
              from: frame)
            previousActions[position] = segment.episode.actions.leading(to: moment)
            isFirst[position] = moment == 0
          }
          t += segment.frames.count
        }
        precondition(t == length, "a row has \(t) frames, not \(length)")
      }
      initialized = bytes.count
    }
    self.init(
      length: length, batch: batch, observation: observation, frames: frames, previousActions: previousActions,
      isFirst: isFirst,
      startsEpoch: startsEpoch, continues: continues)
  }
}

extension Dataset {
  /// A whole episode as one sequence: `T + 1` frames, `B` = 1.
  /// - Throws: `noSuchEpisode`, `damagedField`.
  public func sequence(episode index: Int) throws -> SequenceBatch {
    let episode = try episode(index)
    let whole = Segment(dataset: self, episode: episode, frames: 0..<episode.frameCount)
    return try SequenceBatch(
      rows: [[whole]], length: episode.frameCount, observation: observation, startsEpoch: true, continues: false)
  }
}
