import Ditto

func observed<T>(_ work: () throws -> T) rethrows -> T {
  let observer = Observer { event in
    switch event {
    case .note(let text): print(text)
    case .warning(let text): print("warning:", text)
    case .progress(let report): print(report.label, report.step, "of", report.total)
    }
  }
  return try Observer.$current.withValue(observer, operation: work)
}
