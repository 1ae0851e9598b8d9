import Demonstrations
import Foundation
import Settings
import Spaces
import Torch
import WorldModel

/// A recorded episode as the world model reads it.
public struct ExpertEpisode {
  /// The action taken at each frame but the last, N − 1 of them.
  public let actions: [Action]
  /// Reads some of the N raw frames, one after the other.
  public let frames: (Range<Int>) throws -> [UInt8]

  public init(actions: [Action], frames: @escaping (Range<Int>) throws -> [UInt8]) {
    (self.actions, self.frames) = (actions, frames)
  }

  /// With all frames in memory.
  public init(actions: [Action], frames: [UInt8]) {
    let size = frames.count / (actions.count + 1)
    self.init(actions: actions) { Array(frames[$0.lowerBound * size..<$0.upperBound * size]) }
  }

  /// N.
  var length: Int { actions.count + 1 }
}

extension ExpertLatents {
  /// Encodes expert episodes, each from its start, with states drawn from the posterior. Source: DITTO, section 3.3,
  /// "Algorithm".
  /// - Parameters:
  ///   - encodings: how often each is encoded, with draws of its own; each encoding is an episode.
  ///   - frames: so many are read and go through the encoder at once; bounds the memory that it takes.
  /// - Throws: what reading frames throws.
  public init(
    encoding recorded: [ExpertEpisode], _ encodings: Int = 1, with model: WorldModel, _ precision: Precision = .f32,
    atOnce frames: Int = 1024, seed: Seed
  ) throws {
    var pieces: [Piece] = []
    let encoding = Encoding(recorded, encodings, model, precision, frames, seed)
    try encoding { pieces.append($0) }
    self.init(
      deterministic: concatenated(pieces.map(\.h), axis: 0), classes: concatenated(pieces.map(\.classes), axis: 0),
      probabilities: concatenated(pieces.map(\.probabilities), axis: 0), actions: encoding.actions,
      lengths: encoding.order.map(\.length), classCount: model.sizes.classes)
  }

  /// Encodes, and appends to a file meanwhile what `tensors` of `init(encoding:)` would be in it: `h` is held for one
  /// group of episodes at a time.
  /// - Parameter metadata: what the file says of itself besides.
  /// - Throws: what reading frames throws, and `write`.
  public static func write(
    encoding recorded: [ExpertEpisode], _ encodings: Int = 1, with model: WorldModel, _ precision: Precision = .f32,
    atOnce frames: Int = 1024, seed: Seed, metadata: [String: String] = [:], to write: (Data) throws -> Void
  ) throws {
    var sum = Safetensors.Checksum()
    func append(_ data: Data) throws {
      sum.add(data)
      try write(data)
    }
    let encoding = Encoding(recorded, encodings, model, precision, frames, seed)
    let (sizes, actions, lengths) = (model.sizes, encoding.actions, encoding.order.map(\.length))
    let count = lengths.reduce(0, +)
    try append(
      Safetensors.header(
        of: [
          ("deterministic", .float32, [count, sizes.deterministic]), ("classes", .uint8, [count, sizes.groups]),
          ("probabilities", .bfloat16, [count, sizes.stochastic]), ("actions", actions.type, actions.shape),
          ("lengths", .int64, [lengths.count]),
        ], metadata: metadata))
    var (classes, probabilities) = (Data(), Data())
    try encoding { piece in
      try append(Data(piece.h.bytes()))
      classes.append(contentsOf: piece.classes.bytes())
      probabilities.append(contentsOf: piece.probabilities.bytes())
    }
    let rest = [
      classes, probabilities, Data(actions.bytes()), Data(Tensor(lengths.map(Int64.init), [lengths.count]).bytes()),
    ]
    for bytes in rest { try append(bytes) }
    try write(sum.bytes)
  }

  /// Consecutive states of one episode: `h` `[n, D]`, class indices of `z`, `uint8` `[n, S]`, and the posterior's
  /// probabilities, bf16 `[n, S·K]`.
  private struct Piece {
    let h, classes, probabilities: Tensor
  }

  /// How episodes are encoded: group by group, each episode of a group as often as asked for, side by side.
  private struct Encoding {
    /// Episodes that are read and encoded side by side.
    private static let groupSize = 32

    private let groups: [[ExpertEpisode]]
    private let encodings: Int
    private let model: WorldModel
    private let precision: Precision
    private let frames: Int
    private let seed: Seed

    init(
      _ recorded: [ExpertEpisode], _ encodings: Int, _ model: WorldModel, _ precision: Precision, _ frames: Int,
      _ seed: Seed
    ) {
      groups = recorded.indices.pieces(of: Self.groupSize).map { Array(recorded[$0]) }
      (self.encodings, self.model, self.precision, self.frames, self.seed) = (encodings, model, precision, frames, seed)
    }

    /// The episodes in the order of their states: a group's, as often as they are encoded, then the next group's.
    var order: [ExpertEpisode] { groups.flatMap { group in (0..<encodings).flatMap { _ in group } } }

    var actions: Tensor {
      model.actions.tensor(order.flatMap { $0.actions.map(Optional.some) + [nil] }, on: model.device)
    }

    /// The states of all episodes, one after the other and each episode's in one or more pieces.
    func callAsFunction(_ body: (Piece) throws -> Void) throws {
      for (index, group) in groups.enumerated() {
        let random = RandomSource(seed.step(index * Self.groupSize), on: model.device)
        try noGrad { try computing(in: precision, on: model.device) { try pieces(of: group, random) } }.forEach(body)
      }
    }

    private func pieces(of episodes: [ExpertEpisode], _ random: RandomSource) throws -> [Piece] {
      let sizes = model.sizes
      // Longest first, so that those that have ended are the last of those side by side.
      let order = episodes.indices.sorted { (episodes[$0].length, $1) > (episodes[$1].length, $0) }
      let sorted = order.map { episodes[$0] }
      let steps = max(1, frames / sorted.count)
      var state = LatentState.zero(sizes, batch: sorted.count * encodings, on: model.device)
      var pieces = [[Piece]](repeating: [], count: encodings * episodes.count)
      for start in stride(from: 0, to: sorted[0].length, by: steps) {
        let active = sorted.prefix { $0.length > start }
        let length = min(steps, active[0].length - start)
        let inference = model.infer(
          try read(active, start..<start + length), from: state.sliced(0..<active.count * encodings),
          draw: .sample(random), copies: encodings)
        state = inference.states[length - 1]
        let groups = [length, active.count * encodings, sizes.groups, sizes.classes]
        let classes = inference.states.stochastic.reshaped(groups).argmax(over: -1).to(.uint8)
        let probabilities = inference.posterior.probabilities.to(.bfloat16)
        for (row, episode) in active.enumerated() {
          let own = 0..<min(length, episode.length - start)
          for copy in 0..<encodings {
            let column = { (x: Tensor, width: Int) in
              x.sliced(row * encodings + copy..<row * encodings + copy + 1, axis: 1).sliced(own).reshaped(-1, width)
            }
            pieces[copy * episodes.count + order[row]].append(
              Piece(
                h: column(inference.states.deterministic, sizes.deterministic).to(.float32),
                classes: column(classes, sizes.groups),
                probabilities: column(probabilities, sizes.stochastic)))
          }
        }
      }
      return pieces.flatMap { $0 }
    }

    /// Steps `range` of episodes side by side. An episode that ends on the way goes on with frames of zeros, which
    /// nobody reads.
    private func read(_ episodes: some Collection<ExpertEpisode>, _ range: Range<Int>) throws -> SequenceBatch {
      let (size, count) = (model.observation.frameSize, episodes.count)
      var raw = [UInt8](repeating: 0, count: range.count * count * size)
      var previousActions = [Action?](repeating: nil, count: range.count * count)
      for (row, episode) in episodes.enumerated() {
        let own = range.clamped(to: 0..<episode.length)
        let recorded = try episode.frames(own)
        for t in own {
          let place = (t - range.lowerBound) * count + row
          raw.replaceSubrange(
            place * size..<(place + 1) * size,
            with: recorded[(t - range.lowerBound) * size..<(t - range.lowerBound + 1) * size])
          previousActions[place] = episode.actions.leading(to: t)
        }
      }
      return SequenceBatch(
        length: range.count, batch: count, observation: model.observation, frames: raw,
        previousActions: previousActions, isFirst: [Bool](repeating: false, count: range.count * count))
    }
  }

  /// What is kept between runs.
  public var tensors: [(name: String, tensor: Tensor)] {
    [("deterministic", deterministic), ("classes", classes)] + (probabilities.map { [("probabilities", $0)] } ?? [])
      + [("actions", actions), ("lengths", Tensor(lengths.map(Int64.init), [lengths.count]))]
  }

  /// States that are not in use need not be in memory: see `Safetensors.mapped`.
  /// - Throws: `TorchError` where the file is damaged or something else.
  public init(from file: Safetensors, classCount: Int, on device: Device) throws {
    let lengths: [Int64] = try file.tensor("lengths").values()
    let shapes = ["deterministic", "classes", "actions"].map { file.shape(of: $0) ?? [] }
    let count = lengths.reduce(Int64(0)) { $0.addingReportingOverflow(Swift.max(0, $1)).partialValue }
    guard file.checksum != nil, lengths.allSatisfy({ $0 > 0 }), shapes[0].count == 2, shapes[1].count == 2,
      shapes.allSatisfy({ $0.first.map(Int64.init) == count })
    else { throw TorchError.damaged(file: file.path, reason: "its episodes are not those of its states") }
    self.init(
      deterministic: try file.mapped("deterministic", on: device), classes: try file.mapped("classes", on: device),
      probabilities: file.contains("probabilities") ? try file.mapped("probabilities", on: device) : nil,
      actions: try Self.actions(in: file, on: device), lengths: lengths.map(Int.init), classCount: classCount)
  }

  /// `[N, W]`; versions before 0.2 kept numbered actions as `int64` `[N]`.
  private static func actions(in file: Safetensors, on device: Device) throws -> Tensor {
    let actions = try file.tensor("actions", on: device)
    return actions.shape.count == 1 ? actions.to(.float32).reshaped(-1, 1) : actions
  }
}
