namespace Metering.Engine;

/// <summary>A directory store whose database has the tables of further subjects (<c>ICouponStore</c> and its like).</summary>
internal interface IDirectoryTables
{
    /// <summary>The database.</summary>
    IDirectorySql Sql { get; }
}
