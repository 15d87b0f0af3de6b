using System.ComponentModel;
using System.Reflection;
using Metering.PostgreSql.Testing;
using Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

[assembly: TestFramework("Metering.PostgreSql.Tests.LeftOutTestFramework", "Metering.PostgreSql.Tests")]

namespace Metering.PostgreSql.Tests;

/// <summary>
/// Runs this assembly's tests, or, where no PostgreSQL can be had, leaves all of them out with a word, and some where no pooler can: the
/// suites are those of every store, and cannot say themselves what one of them needs.
/// </summary>
public sealed class LeftOutTestFramework(IMessageSink messages) : XunitTestFramework(messages)
{
    /// <inheritdoc />
    protected override ITestFrameworkExecutor CreateExecutor(AssemblyName assemblyName) =>
        new Executor(assemblyName, SourceInformationProvider, DiagnosticMessageSink);

    private sealed class Executor(AssemblyName assembly, ISourceInformationProvider sources, IMessageSink messages)
        : XunitTestFrameworkExecutor(assembly, sources, messages)
    {
        protected override void RunTestCases(IEnumerable<IXunitTestCase> testCases, IMessageSink sink, ITestFrameworkExecutionOptions options) => base.RunTestCases(
            testCases.Select(testCase => WhyNot(testCase.TestMethod.TestClass) is { } reason ? new LeftOut(DiagnosticMessageSink, testCase.TestMethod, reason) : testCase),
            sink,
            options);

        private static string? WhyNot(ITestClass test) =>
            PostgreSqlServer.WhyNot ?? (test.Class.GetCustomAttributes(typeof(NeedsPoolerAttribute)).Any() ? PgBouncer.WhyNot : null);
    }

    /// <summary>A test that is left out, under its own name.</summary>
    private sealed class LeftOut : XunitTestCase
    {
        private readonly string reason;

        [EditorBrowsable(EditorBrowsableState.Never)]
        [Obsolete("Only for serialization, which does not happen to a test that is left out.")]
        public LeftOut()
        {
            reason = string.Empty;
        }

        public LeftOut(IMessageSink messages, ITestMethod method, string reason)
            : base(messages, TestMethodDisplay.ClassAndMethod, TestMethodDisplayOptions.None, method)
        {
            this.reason = reason;
        }

        protected override string GetSkipReason(IAttributeInfo factAttribute) => reason;
    }
}
