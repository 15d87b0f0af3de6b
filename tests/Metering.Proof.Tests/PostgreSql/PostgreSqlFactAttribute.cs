using Metering.PostgreSql.Testing;
using Xunit;

namespace Metering.Proof.Tests;

/// <summary>A test that needs a PostgreSQL of its own, to kill and to starve; where there is none, it is skipped with a word.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgreSqlFactAttribute : FactAttribute
{
    public PostgreSqlFactAttribute() => Skip = PostgreSqlServer.WhyNotOwn;
}

/// <summary>A test that needs a library of the folder native as well.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgreSqlNativeFactAttribute : FactAttribute
{
    public PostgreSqlNativeFactAttribute() => Skip = PostgreSqlServer.WhyNotOwn ?? NativeLibrary.WhyNot;
}

/// <summary>A test that needs a transaction pooler as well.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PoolerFactAttribute : FactAttribute
{
    public PoolerFactAttribute() => Skip = PgBouncer.WhyNot;
}
