using Metering.PostgreSql.Testing;
using Xunit;

namespace Metering.Proof.Tests;

/// <summary>A test that needs a PostgreSQL of its own, to kill and to starve; where there is none, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgreSqlFactAttribute : FactAttribute
{
    public PostgreSqlFactAttribute() => Skip = PostgreSqlServer.WhyNotOwn;
}
