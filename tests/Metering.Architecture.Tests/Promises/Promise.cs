namespace Metering.Architecture.Tests.Promises;

/// <summary>What callers are promised, and the tests that would fail if it were broken.</summary>
/// <param name="Part">The dialect or the rule that it belongs to.</param>
/// <param name="Text">The promise in one line.</param>
/// <param name="Tests">Tests as "Class.Method".</param>
internal sealed record Promise(string Part, string Text, params string[] Tests);
