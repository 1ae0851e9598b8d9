import Configuration
import Demonstrations
import Foundation
import Spaces
import Torch
import WorldModel

/// A recorded episode as the world model reads it.
public struct ExpertEpisode {
  /// The action taken at each frame but the last, N − 1 of them.
  public let actions: [Action]
  /// Reads some of the N raw frames, one after the other.
  public let frames: (Range<Int>) throws -> [UInt8]

  public init(actions: [Action], frames: @escaping (Range<Int>) throws -> [UInt8]) { (self.actions, self.frames) = (actions, frames) }

  /// With all frames in memory.
  public init(actions: [Action], frames: [UInt8]) {
    let size = frames.count / (actions.count + 1)
    self.init(actions: actions) { Array(frames[$0.lowerBound * size..<$0.upperBound * size]) }
  }

  /// N.
  var length: Int { actions.count + 1 }
}

extension ExpertLatents {
  /// Episodes that are read and encoded side by side.
  private static let episodes = 32

  /// Encodes expert episodes, each from its start, with states drawn from the posterior. Source: DITTO, section 3.3, "Algorithm".
  /// - Parameter frames: so many are read and go through the encoder at once; bounds the memory that it takes.
  /// - Throws: what reading frames throws.
  public init(
    encoding recorded: [ExpertEpisode], with model: WorldModel, _ normalizer: Normalizer, _ precision: Precision = .f32,
    atOnce frames: Int = 1024, seed: Seed
  ) throws {
    var (h, z) = ([Tensor](), [Tensor]())
    try Self.encode(recorded, model, normalizer, precision, frames, seed) { piece in
      h.append(piece.h)
      z.append(piece.z)
    }
    self.init(
      deterministic: concatenated(h, axis: 0), classes: concatenated(z, axis: 0), actions: Self.actions(of: recorded, model),
      lengths: recorded.map(\.length), classCount: model.sizes.classes)
  }

  /// Encodes, and appends to a file meanwhile what `tensors` of `init(encoding:)` would be in it: `h` is held for one group of episodes at a time.
  /// - Throws: what reading frames throws, and `write`.
  public static func write(
    encoding recorded: [ExpertEpisode], with model: WorldModel, _ normalizer: Normalizer, _ precision: Precision = .f32,
    atOnce frames: Int = 1024, seed: Seed, to write: (Data) throws -> Void
  ) throws {
    var sum = Safetensors.Checksum()
    func append(_ data: Data) throws {
      sum.add(data)
      try write(data)
    }
    let (sizes, actions, lengths) = (model.sizes, actions(of: recorded, model), recorded.map(\.length))
    let count = lengths.reduce(0, +)
    try append(
      Safetensors.header(of: [
        ("deterministic", .float32, [count, sizes.deterministic]), ("classes", .uint8, [count, sizes.groups]),
        ("actions", actions.type, actions.shape), ("lengths", .int64, [lengths.count]),
      ]))
    var classes = Data()
    try encode(recorded, model, normalizer, precision, frames, seed) { piece in
      try append(Data(piece.h.bytes()))
      classes.append(contentsOf: piece.z.bytes())
    }
    for rest in [classes, Data(actions.bytes()), Data(Tensor(lengths.map(Int64.init), [lengths.count]).bytes())] { try append(rest) }
    try write(sum.bytes)
  }

  private static func actions(of recorded: [ExpertEpisode], _ model: WorldModel) -> Tensor {
    model.actions.tensor(recorded.flatMap { $0.actions.map(Optional.some) + [nil] }, on: model.device)
  }

  /// `h` `[n, D]` and class indices of `z`, `uint8` `[n, S]`, of all episodes, one after the other and each in one or more pieces.
  private static func encode(
    _ recorded: [ExpertEpisode], _ model: WorldModel, _ normalizer: Normalizer, _ precision: Precision, _ frames: Int, _ seed: Seed,
    _ body: ((h: Tensor, z: Tensor)) throws -> Void
  ) throws {
    for first in stride(from: 0, to: recorded.count, by: Self.episodes) {
      let group = recorded[first..<min(first + Self.episodes, recorded.count)]
      let random = RandomSource(seed.step(first), on: model.device)
      try noGrad { try computing(in: precision, on: model.device) { try pieces(of: Array(group), model, normalizer, frames, random) } }.forEach(body)
    }
  }

  /// The same of one group.
  private static func pieces(
    of episodes: [ExpertEpisode], _ model: WorldModel, _ normalizer: Normalizer, _ frames: Int, _ random: RandomSource
  ) throws -> [(h: Tensor, z: Tensor)] {
    let (sizes, frameSize) = (model.sizes, model.observation.frameSize)
    // Longest first, so that those that have ended are the last of those side by side.
    let order = episodes.indices.sorted { (episodes[$0].length, $1) > (episodes[$1].length, $0) }
    let sorted = order.map { episodes[$0] }
    let steps = max(1, frames / sorted.count)
    var state = LatentState.zero(sizes, batch: sorted.count, on: model.device)
    var pieces = [[(h: Tensor, z: Tensor)]](repeating: [], count: episodes.count)
    for start in stride(from: 0, to: sorted[0].length, by: steps) {
      let active = sorted.prefix { $0.length > start }
      let shape = [min(steps, active[0].length - start), active.count]
      // An episode that ends on the way goes on with frames of zeros, which nobody reads.
      var raw = [UInt8](repeating: 0, count: shape[0] * shape[1] * frameSize)
      var previousActions = [Action?](repeating: nil, count: shape[0] * shape[1])
      for (row, episode) in active.enumerated() {
        let range = start..<min(start + shape[0], episode.length)
        let recorded = try episode.frames(range)
        for t in range {
          let place = (t - start) * shape[1] + row
          raw.replaceSubrange(place * frameSize..<(place + 1) * frameSize, with: recorded[(t - start) * frameSize..<(t - start + 1) * frameSize])
          previousActions[place] = episode.actions.leading(to: t)
        }
      }
      let states = model.infer(
        normalizer(raw, model.observation, shape, on: model.device),
        previousAction: model.actions.rows(previousActions, on: model.device).unflattened(shape),
        isFirst: [Bool](repeating: false, count: shape[0] * shape[1]), from: state.sliced(0..<shape[1]), draw: .sample(random)
      ).states
      state = states[shape[0] - 1]
      let classes = states.stochastic.reshaped(shape + [sizes.groups, sizes.classes]).argmax(over: -1).to(.uint8)
      for (row, episode) in active.enumerated() {
        let own = 0..<min(shape[0], episode.length - start)
        pieces[order[row]].append((
          h: states.deterministic.sliced(row..<row + 1, axis: 1).sliced(own).reshaped(-1, sizes.deterministic).to(.float32),
          z: classes.sliced(row..<row + 1, axis: 1).sliced(own).reshaped(-1, sizes.groups)
        ))
      }
    }
    return pieces.flatMap { $0 }
  }

  /// What is kept between runs.
  public var tensors: [(name: String, tensor: Tensor)] {
    [("deterministic", deterministic), ("classes", classes), ("actions", actions), ("lengths", Tensor(lengths.map(Int64.init), [lengths.count]))]
  }

  /// States that are not in use need not be in memory: see `Safetensors.mapped`.
  /// - Throws: `TorchError` where the file is damaged or something else.
  public init(from file: Safetensors, classCount: Int, on device: Device) throws {
    let lengths: [Int64] = try file.tensor("lengths").values()
    self.init(
      deterministic: try file.mapped("deterministic", on: device), classes: try file.mapped("classes", on: device),
      actions: try file.tensor("actions", on: device), lengths: lengths.map(Int.init), classCount: classCount)
  }
}
