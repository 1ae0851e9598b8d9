/// What the library has to tell while it works.
public enum Event: Sendable {
  /// A sentence for people.
  case note(String)
  /// A sentence about what they will probably want to change.
  case warning(String)
  /// Where a long task is: at its beginning and after each of its steps.
  case progress(ProgressReport)
}

/// `step` of the `total` steps of a task are done.
public struct ProgressReport: Sendable {
  /// The task, such as `world model`.
  public let label: String
  public let step, total: Int
  /// What a step is, in the plural.
  public let unit: String
  /// What its last step measured, by short names.
  public let metrics: [(name: String, value: Double)]

  package init(
    label: String, step: Int, total: Int, unit: String, metrics: [(name: String, value: Double)] = []
  ) {
    (self.label, self.step, self.total, self.unit, self.metrics) = (label, step, total, unit, metrics)
  }
}

/// Who is told what happens while something runs. The library itself prints nothing:
///
///     try Observer.$current.withValue(Observer { event in … }) { try WorldModelRun.start(…) }
public struct Observer: Sendable {
  @TaskLocal public static var current = Observer { _ in }

  private let observe: @Sendable (Event) -> Void

  /// - Parameter observe: is called where the work is done, so that what takes long in it holds the work up.
  public init(_ observe: @escaping @Sendable (Event) -> Void) { self.observe = observe }

  package static func note(_ text: String) { current.observe(.note(text)) }
  package static func warn(_ text: String) { current.observe(.warning(text)) }
  package static func report(_ progress: ProgressReport) { current.observe(.progress(progress)) }
}

/// Tells the observer how far a long task is.
package struct ProgressMeter {
  private let label, unit: String
  private let total: Int

  /// - Parameter step: the steps already done, where a run resumes.
  package init(_ label: String, total: Int, unit: String = "steps", step: Int = 0) {
    (self.label, self.unit, self.total) = (label, unit, total)
    update(step)
  }

  /// Says that `step` steps are done. Cheap enough for every step.
  package func update(_ step: Int, _ metrics: [(name: String, value: Double)] = []) {
    Observer.report(ProgressReport(label: label, step: step, total: total, unit: unit, metrics: metrics))
  }
}
