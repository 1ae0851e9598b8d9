import Foundation
import Spaces

/// A Gymnasium environment, run by a Python process.
///
/// All slots live in one process, and one message steps all slots that are named. Python is `DITTO_PYTHON`, else
/// `.venv/bin/python` in the current folder or in one that holds the executable, else `python3` on `PATH`. It needs
/// `gymnasium` 1.0 or newer and what the environment itself needs: `ale-py` for Atari, `gymnasium[box2d]` for
/// LunarLander, `pygame` and `opencv-python-headless` for rendered pictures.
///
/// Should Python crash or fall silent, the call throws, with the last lines Python printed, and the process is gone.
public final class GymnasiumEnvironment: Environment {
  public let observation: ObservationSpace
  public let actions: ActionSpace
  /// The names of what it shows beside that, which is text.
  public let leftOut: [String]
  public var slots: Int { running.count }

  private let name: String
  /// Of each number of an action, whether only whole ones are taken.
  private let wholeNumbers: [Bool]
  private let python: String
  private let worker: PythonWorker
  private var running: RunningSlots

  /// Starts Python and makes the environments.
  /// - Parameters:
  ///   - id: Gymnasium's name, such as `CartPole-v1` or `ALE/Pong-v5`.
  ///   - pipeline: of kind `rendered`, `atari` or `none`.
  ///   - slots: episodes side by side, at least 1.
  ///   - replyTimeout: how long a step of all slots, or the start, may take.
  ///   - isStopped: is asked a few times a second meanwhile whether to give up, which ends Python and throws
  ///     `EnvironmentError.stopped`.
  /// - Throws: `EnvironmentError`, if Python or a package is missing, or the environment does not exist or not fit.
  public convenience init(
    _ id: String, pipeline: PixelPipeline, slots: Int, replyTimeout: Duration = Hosting().patience,
    unless isStopped: @escaping () -> Bool = { false }
  ) throws {
    try self.init(
      id, pipeline: pipeline, slots: slots, replyTimeout: replyTimeout, python: findPython(), unless: isStopped)
  }

  init(
    _ id: String, pipeline: PixelPipeline, slots: Int, replyTimeout: Duration, python: String,
    unless isStopped: @escaping () -> Bool = { false }
  ) throws {
    name = "gym:\(id)"
    self.python = python
    running = try RunningSlots(slots)
    guard pipeline.kind != .road else {
      throw EnvironmentError.wrongPipeline(
        environment: name, kind: pipeline.kind, supported: [.rendered, .atari, .none])
    }
    guard pipeline.crop.count == 4 else {
      throw EnvironmentError.refused(
        environment: name, reason: "the pixel pipeline's crop is \(pipeline.crop); give [top, bottom, left, right]")
    }
    let setup = try JSONEncoder().encode(Setup(environment: id, slots: slots, pipeline: pipeline))
    worker = try PythonWorker(
      environment: name, python: python,
      script: String(
        decoding: PackageResources.gymnasium_spaces_py + PackageResources.gymnasium_worker_py, as: UTF8.self),
      argument: String(decoding: setup, as: UTF8.self), timeout: replyTimeout, unless: isStopped)
    let start = try Reply(worker.reply(to: nil), environment: name, python: python).body
    guard let spaces = try? JSONDecoder().decode(Spaces.self, from: Data(start)) else {
      throw EnvironmentError.wrongReply(environment: name, expectedBytes: 0, foundBytes: start.count)
    }
    (observation, leftOut, wholeNumbers) = (spaces.observation, spaces.leftOut, spaces.wholeNumbers)
    actions = ActionSpace(spaces.actions)
    guard actions.isSupported else {
      throw EnvironmentError.refused(
        environment: name, reason: "its actions are \(actions), which there is no policy for")
    }
  }

  /// For tests, which harm the worker.
  var workerIdentifier: pid_t { worker.processIdentifier }

  /// How long a step of all slots may take.
  var replyTimeout: Duration {
    get { worker.timeout }
    set { worker.timeout = newValue }
  }

  public func reset(_ seeds: [Int: UInt64]) throws -> [Int: [UInt8]] {
    try running.checkExist(seeds.keys)
    let outcomes = try exchange(.reset, seeds.mapValues { bytes($0) })
    running.started(seeds.keys)
    return outcomes.mapValues(\.frame)
  }

  public func step(_ actions: [Int: Action]) throws -> [Int: Outcome] {
    try running.check(actions, in: self.actions)
    let outcomes = try exchange(
      .step, actions.mapValues { action in action.classes.flatMap { bytes(UInt64($0)) } + .bytes(of: action.numbers) })
    running.stepped(outcomes)
    return outcomes
  }

  public func nearest(to action: Action) -> Action {
    var nearest = actions.clipped(action)
    for index in wholeNumbers.indices where wholeNumbers[index] {
      nearest.numbers[index].round(.toNearestOrEven)
    }
    return nearest
  }

  public func close() { worker.close() }
}

// The messages are described in gymnasium_worker.py.
extension GymnasiumEnvironment {
  private struct Setup: Encodable {
    let environment: String
    let slots: Int
    let pipeline: PixelPipeline
  }

  /// What the worker says of an environment.
  private struct Spaces: Decodable {
    let observation: ObservationSpace
    let actions: [ActionSpace.Part]
    let leftOut: [String]
    let wholeNumbers: [Bool]
  }

  private enum Operation: UInt8 { case reset, step }

  /// Sends every slot its value in one message, and takes the outcomes apart.
  private func exchange(_ operation: Operation, _ values: [Int: [UInt8]]) throws -> [Int: Outcome] {
    let order = values.keys.sorted()
    let request = [operation.rawValue] + order.flatMap { bytes(UInt32($0)) + values[$0]! }
    let size = 10 + observation.frameSize
    let body = try Reply(
      worker.reply(to: request), environment: name, python: python, expectedBytes: order.count * size
    ).body
    let outcomes = order.indices.map { Outcome(body.dropFirst($0 * size).prefix(size)) }
    return Dictionary(uniqueKeysWithValues: zip(order, outcomes))
  }

  /// A reply that says it is done, without its status.
  private struct Reply {
    let body: ArraySlice<UInt8>

    init(_ reply: [UInt8], environment: String, python: String, expectedBytes: Int? = nil) throws {
      body = reply.dropFirst()
      let text = String(decoding: body, as: UTF8.self)
      switch reply.first {
      case 1: throw EnvironmentError.refused(environment: environment, reason: text)
      case 2: throw EnvironmentError.missingPackage(environment: environment, package: text, python: python)
      default: break
      }
      if let expectedBytes, body.count != expectedBytes {
        throw EnvironmentError.wrongReply(
          environment: environment, expectedBytes: expectedBytes, foundBytes: body.count)
      }
    }
  }
}

extension Outcome {
  /// Takes apart a reward, two flags and a frame.
  fileprivate init(_ record: ArraySlice<UInt8>) {
    let bits = record.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    let flags = record.dropFirst(8).prefix(2).map { $0 != 0 }
    self.init(
      frame: Array(record.dropFirst(10)), reward: Double(bitPattern: bits), terminated: flags[0], truncated: flags[1])
  }
}
