import Demonstrations
import Foundation
import Imitation
import Runs
import Settings
import Spaces
import Torch
import WorldModel

/// What a run was made of, beside its configuration: the details in `run.json`.
public struct RunMetadata: Codable, Equatable, Sendable {
  /// A dataset as it was when the run began.
  public struct Source: Codable, Equatable, Sendable {
    public let path: String
    public let fingerprint: String
    /// In words, for whoever finds it changed; absent where an earlier version wrote it.
    var contents: String?
  }

  public let device: Device
  public let precision: Precision
  /// That it computed with: sums depend on how they are split.
  public let threads: Int
  public let data: [Source]
  /// What the run's networks are shown; absent where a version before 0.2 wrote it, which knew a square picture and a
  /// vector of so many numbers.
  private let fields: ObservationSpace?
  /// What was recorded, where that is not the same.
  let recorded: ObservationSpace?
  private let frame: Square?
  private let vector: Int?
  /// What they do; absent where a version before 0.2 wrote it, which knew so many actions, or numbers and their bounds.
  private let actionParts: [ActionSpace.Part]?
  private let actionCount: Int?
  private let low, high: [Float]?
  /// Episodes of the data that an agent learned from; a world model uses all.
  public let useEpisodes: Int
  /// The folder of an agent's world model, and the fingerprint of its weights.
  public let worldModel: Source?
  /// Of the file that the run keeps of that world model, what it ends with; absent where a version that knew none began
  /// the run.
  private let weights: String?
  /// What that world model is hardly ever surprised beyond in recordings.
  public let usualSurprise: Surprise?

  public init(
    device: Device, precision: Precision, threads: Int, data: [Source], _ observation: ObservationSpace,
    of recorded: ObservationSpace? = nil, _ actions: ActionSpace, useEpisodes: Int,
    worldModel: Source?, weights: String? = nil, usualSurprise: Surprise? = nil
  ) {
    (self.weights, self.usualSurprise) = (weights, usualSurprise)
    (self.device, self.precision, self.threads, self.data) = (device, precision, threads, data)
    (fields, self.recorded, frame, vector) = (observation, recorded, nil, nil)
    (actionParts, actionCount, low, high) = (actions.parts, nil, nil, nil)
    (self.useEpisodes, self.worldModel) = (useEpisodes, worldModel)
  }

  /// The world model in the run's folder.
  /// - Throws: `TorchError` where the file is damaged; `RunError.ofAnotherRun`.
  func weights(at file: URL) throws -> Safetensors {
    let found = try Safetensors(at: file)
    guard weights == nil || weights == found.checksum else { throw RunError.ofAnotherRun(file.path) }
    return found
  }

  private struct Square: Codable, Equatable {
    let channels, side: Int
  }

  public var observation: ObservationSpace {
    fields ?? frame.map {
      ObservationSpace(channels: $0.channels, height: $0.side, width: $0.side, vector: vector ?? 0)
    } ?? ObservationSpace(vector: vector ?? 0)
  }
  /// How networks' frames are made of those that an environment shows.
  /// - Throws: `DemonstrationError.noSuchView`.
  func view(_ c: ObservationConfiguration, of run: URL) throws -> ObservationView {
    guard let recorded else { return try ObservationConfiguration().view(of: observation, in: run.path) }
    return try c.view(of: recorded, in: run.path)
  }
  public var actions: ActionSpace {
    if let actionParts {
      ActionSpace(actionParts)
    } else if let low, let high {
      .box(low: low, high: high)
    } else {
      .discrete(actionCount ?? 0)
    }
  }
}

extension RunMetadata: CheckedDetails {
  package var problem: String? {
    if !observation.isSupported { return "names frames that there are no networks for" }
    if !actions.isSupported || !actions.isBounded { return "names actions that there are no networks for" }
    return (1...4096).contains(threads) && useEpisodes >= 0 ? nil : "names numbers that cannot be"
  }
}

public typealias Record = RunRecord<RunMetadata>

extension Record {
  /// What `body` makes of a run that goes on for some steps more, if any. Where that fails, it is as it was.
  static func extending<C: Configuration, Made>(
    _ run: URL, _ kind: RunKind, by steps: Int?, _: C.Type, _ training: KeyPath<C, TrainingConfiguration>,
    _ body: () throws -> Made
  ) throws -> Made {
    guard let steps else { return try body() }
    let file = run.appendingPathComponent(runRecordName)
    let before = try? Data(contentsOf: file)
    try extend(run, kind, by: steps, C.self, training)
    do { return try body() } catch {
      if let before { try? AtomicFile.write(before, to: file) }
      throw error
    }
  }

  /// Lets a run go on beyond its last step. What falls over a share of the steps, such as a learning rate, is from now
  /// on what it would be in a run of so many from the beginning, which is said; where nothing does, the run reaches the
  /// bits of such a run.
  /// - Throws: `RunError`; `ConfigurationError` where that is no number of steps.
  private static func extend<C: Configuration>(
    _ run: URL, _ kind: RunKind, by steps: Int, _: C.Type, _ training: KeyPath<C, TrainingConfiguration>
  ) throws {
    var record = try Record(from: run, kind: kind)
    let before = try C.load(kind.section, from: record.layers(in: run))[keyPath: training].steps
    let (total, overflows) = before.addingReportingOverflow(steps)
    record.steps = overflows ? .max : total
    let extended = try C.load(kind.section, from: record.layers(in: run))
    for (key, share) in try extended.values().sorted(by: { $0.key < $1.key })
    where key.lowercased().hasSuffix("decay") && !key.hasSuffix("weightDecay") && Double(share) != 0 {
      Observer.warn(
        "\(key) is \(share): what falls over that share at the end of \(before) steps now does so at the end of \(total), and is higher again until then"
      )
    }
    try AtomicFile.write(record.encoded(), to: run.appendingPathComponent(runRecordName))
  }
}

/// The code that runs.
public enum Build {
  /// The release that this is, or will be.
  public static let release = "0.2.0"
  /// The commit the program was built from, with `+` where files had changed since, and libtorch's version.
  public static var version: String { "\(commit), libtorch \(Libtorch.version)" }
  public static var commit: String { builtCommit }
}

extension Libtorch {
  /// Sets how many threads compute, and warns of more than there are cores, which wait for each other at every step.
  /// - Parameters:
  ///   - threads: nil for as many as a run began with.
  ///   - begun: those, where a run goes on.
  public static func set(threads: Int?, begunWith begun: Int? = nil) {
    guard let count = threads ?? begun else { return }
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if count > cores {
      let asBegun =
        threads == nil
        ? ", as the run was begun; --threads \(cores) changes it, and the last bits of what it computes"
        : "; take at most that many"
      Observer.warn(
        "\(count) threads on \(cores) core\(cores == 1 ? "" : "s") are many times slower than \(cores)\(asBegun)")
    } else if let begun, count != begun {
      Observer.warn(
        "the run was begun with \(begun) thread\(begun == 1 ? "" : "s"); with \(count) it does not reach the same bits")
    }
    Libtorch.threads = count
  }
}
