using Metering.PostgreSql.Testing;
using Xunit;

namespace Metering.Cluster.Tests;

/// <summary>A test that needs a PostgreSQL; where there is none, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgreSqlFactAttribute : FactAttribute
{
    public PostgreSqlFactAttribute() => Skip = PostgreSqlServer.WhyNot;
}
